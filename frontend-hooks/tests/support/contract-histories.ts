import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { Accruing } from '../../src/core/accrual';

/** A stream's record in the contract's storage, and what the contract then answered for a time. */
export interface ContractAnswer {
  stream: Accruing;
  atSeconds: number;
  amount: string;
}

/** A call of the first version, about one stream. */
interface FirstCall {
  state: string | null;
  claimable: { at: number; amount: string } | null;
}

/** A call of the second version, about any number of streams. A time may have no room in a number. */
interface SecondCall {
  states: { stream: number; state: string | null }[];
  claimable: { stream: number; at: number; amount: string | null }[];
}

/** The last second of the year 9999: the service leaves out later times. */
const LAST_DATE = 253_402_300_799n;

/** Returns what the contract's first version answered. The service's tests replay the same histories. */
export function firstAnswers(): ContractAnswer[] {
  return calls<FirstCall>('contract-histories').flatMap(({ state, claimable }) =>
    state === null || claimable === null ? [] : answer(state, claimable.at, claimable.amount),
  );
}

/** Returns what its second version answered of all times that are dates. */
export function secondAnswers(): ContractAnswer[] {
  return calls<SecondCall>('contract-histories-b').flatMap(({ states, claimable }) =>
    claimable.flatMap(({ stream: id, at, amount }) => {
      const state = states.find(({ stream }) => stream === id)?.state;
      return at > LAST_DATE || !state || amount === null ? [] : answer(state, at, amount);
    }),
  );
}

function calls<Call>(name: string): Call[] {
  const file = new URL(`../../../tests/fixtures/${name}.jsonl.gz`, import.meta.url);
  const lines = gunzipSync(readFileSync(file)).toString().trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Call);
}

function answer(state: string, atSeconds: number, amount: string): ContractAnswer {
  const stream = streamOf(new ScValues(state).read());
  // While a stream is paused, the service's number is right at any time.
  return { stream: stream.isPaused ? { ...stream, claimableAmount: amount } : stream, atSeconds, amount };
}

type Fields = Map<string, unknown>;

function fieldsOf(value: unknown): Fields {
  return new Map(value as [string, unknown][]);
}

/** Returns a stored record as the service writes it. The first version's has no schedule. */
function streamOf(value: unknown): Accruing {
  const fields = fieldsOf(value);
  const cliffTime = (fields.get('cliff_time') ?? null) as bigint | null;
  const schedule = (fields.get('schedule') ?? ['Linear']) as unknown[];
  return {
    isActive: fields.get('is_active') === true,
    isPaused: fields.get('paused') === true,
    pausedAt: dated(fields.get('paused_at')),
    lastUpdateTime: dated(fields.get('last_update_time')),
    ratePerSecond: String(fields.get('rate_per_second')),
    depositedAmount: String(fields.get('deposited_amount')),
    withdrawnAmount: String(fields.get('withdrawn_amount')),
    schedule: scheduleOf(schedule, cliffTime),
    cliffTime: dated(schedule[0] === 'HybridCliffLinear' ? schedule[1] : cliffTime),
  };
}

function scheduleOf([kind, ...values]: unknown[], cliffTime: bigint | null): Accruing['schedule'] {
  switch (kind) {
    case 'Linear':
      return cliffTime === null ? { kind: 'linear' } : { kind: 'cliff', cliffTime: dated(cliffTime) };
    case 'HybridCliffLinear':
      return { kind: 'cliffLump', cliffTime: dated(values[0]), cliffAmount: String(values[1]) };
    case 'StepTranches':
      return { kind: 'steps', steps: (values[0] as unknown[]).map(fieldsOf).map(stepOf) };
    default:
      throw new Error(`a schedule that the contract does not have: ${String(kind)}`);
  }
}

function stepOf(fields: Fields): { unlockAmount: string; unlockTime: number | null } {
  return { unlockAmount: String(fields.get('unlock_amount')), unlockTime: dated(fields.get('unlock_time')) };
}

function dated(time: unknown): number | null {
  return typeof time === 'bigint' && time <= LAST_DATE ? Number(time) : null;
}

/** Reads the few kinds of ScVal (XDR) that the contract's record has. */
class ScValues {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(hex: string) {
    this.#bytes = Buffer.from(hex, 'hex');
  }

  read(): unknown {
    const kind = this.#u32();
    switch (kind) {
      case 0:
        return this.#u32() === 1;
      case 1:
        return null;
      case 5:
        return this.#u64();
      case 10:
        return BigInt.asIntN(64, this.#u64()) * 2n ** 64n + this.#u64();
      case 15:
        return this.#text();
      case 16:
        return this.#list(() => this.read());
      case 17:
        return this.#list(() => [this.read(), this.read()]);
      case 18:
        return this.#address();
      default:
        throw new Error(`a kind of ScVal that the record does not have: ${kind}`);
    }
  }

  #list<T>(item: () => T): T[] {
    const isThere = this.#u32();
    return Array.from({ length: isThere === 1 ? this.#u32() : 0 }, item);
  }

  #u32(): number {
    this.#at += 4;
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  #u64(): bigint {
    this.#at += 8;
    return this.#bytes.readBigUInt64BE(this.#at - 8);
  }

  #text(): string {
    const length = this.#u32();
    const text = this.#bytes.toString('utf8', this.#at, this.#at + length);
    this.#at += Math.ceil(length / 4) * 4;
    return text;
  }

  /** A contract's address is a hash; an account's has the kind of its key before it. */
  #address(): string {
    const isAccount = this.#u32() === 0;
    this.#at += isAccount ? 4 + 32 : 32;
    return 'an address';
  }
}
