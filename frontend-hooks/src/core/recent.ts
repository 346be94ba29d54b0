import { isAfter } from './event-id';
import type { Frame } from './reading';

const CAPACITY = 256;

/** The last frames that a tab took, for tabs that come late. */
export class Recent {
  #frames: { position: string | undefined; frame: Frame }[] = [];
  /** Nothing after this is missing. */
  #since: string | undefined;

  /** Begins after a position. */
  restart(position: string | undefined): void {
    this.#frames = [];
    this.#since = position;
  }

  /** Takes a frame in, and the position that it leads to. */
  push(frame: Frame, position: string | undefined): void {
    this.#frames.push({ position, frame });
    if (this.#frames.length > CAPACITY) this.#since = this.#frames.shift()?.position;
  }

  /** Returns the frames after a position, none if some of them are no longer here. */
  after(position: string): Frame[] | undefined {
    if (this.#since === undefined || isAfter(this.#since, position)) return undefined;
    return this.#frames.filter((kept) => kept.position === undefined || isAfter(kept.position, position)).map((kept) => kept.frame);
  }
}
