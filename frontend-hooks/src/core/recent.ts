import { isAfter } from './event-id';
import type { Frame } from './reading';

const CAPACITY = 256;

/** The last frames that a tab has taken, for tabs that come late. */
export class Recent {
  #frames: { position: string | undefined; frame: Frame }[] = [];
  /** No frame after this position is missing. */
  #since: string | undefined;

  /**
   * Starts after a position. Without one, as after a reset, a tab behind the next event must fetch everything again.
   */
  restart(position: string | undefined): void {
    this.#frames = [];
    this.#since = position;
  }

  /** Adds a frame, and the position after it. */
  push(frame: Frame, position: string | undefined): void {
    if (frame.kind === 'event') this.#since ??= position;
    this.#frames.push({ position, frame });
    if (this.#frames.length > CAPACITY) this.#since = this.#frames.shift()?.position;
  }

  /** Returns the frames after a position; undefined if some of them are gone. */
  after(position: string): Frame[] | undefined {
    if (this.#since === undefined || isAfter(this.#since, position)) return undefined;
    const isNews = (kept: { position: string | undefined }): boolean =>
      kept.position !== undefined && isAfter(kept.position, position);
    return this.#frames.filter(isNews).map(({ frame }) => frame);
  }
}
