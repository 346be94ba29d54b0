import { isAfter } from './event-id';
import type { Frame } from './reading';

const CAPACITY = 256;

/** The last frames that a tab took, for tabs that come late. */
export class Recent {
  #frames: { position: string | undefined; frame: Frame }[] = [];
  /** Nothing after this is missing. */
  #since: string | undefined;

  /** Begins after a position. After none, as a reset has it, whoever was before the next event must fetch anew. */
  restart(position: string | undefined): void {
    this.#frames = [];
    this.#since = position;
  }

  /** Takes a frame in, and the position that it leads to. */
  push(frame: Frame, position: string | undefined): void {
    if (frame.kind === 'event') this.#since ??= position;
    this.#frames.push({ position, frame });
    if (this.#frames.length > CAPACITY) this.#since = this.#frames.shift()?.position;
  }

  /** Returns the frames after a position, none if some of them are no longer here. */
  after(position: string): Frame[] | undefined {
    if (this.#since === undefined || isAfter(this.#since, position)) return undefined;
    const isNews = (kept: { position: string | undefined }): boolean =>
      kept.position !== undefined && isAfter(kept.position, position);
    return this.#frames.filter(isNews).map(({ frame }) => frame);
  }
}
