import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { Accruing } from '../../src/core/accrual';

/** A stream's record in the contract's storage, and what the contract then answered for a time. */
export interface ContractAnswer {
  stream: Accruing;
  atSeconds: number;
  amount: string;
}

interface Call {
  state: string | null;
  claimable: { at: number; amount: string } | null;
}

/** Returns what the real contract answered at every step of the histories that the service's own tests replay. */
export function contractAnswers(): ContractAnswer[] {
  const file = new URL('../../../tests/fixtures/contract-histories.jsonl.gz', import.meta.url);
  const lines = gunzipSync(readFileSync(file)).toString().trim().split('\n');
  return lines.flatMap((line) => {
    const { state, claimable } = JSON.parse(line) as Call;
    if (state === null || claimable === null) return [];
    return [{ stream: streamOf(new ScValues(state).read()), atSeconds: claimable.at, amount: claimable.amount }];
  });
}

function streamOf(value: unknown): Accruing {
  const fields = new Map(value as [string, unknown][]);
  const time = (name: string) => (fields.get(name) === null ? null : Number(fields.get(name)));
  return {
    isActive: fields.get('is_active') === true,
    isPaused: fields.get('paused') === true,
    pausedAt: time('paused_at'),
    lastUpdateTime: time('last_update_time'),
    ratePerSecond: String(fields.get('rate_per_second')),
    depositedAmount: String(fields.get('deposited_amount')),
    withdrawnAmount: String(fields.get('withdrawn_amount')),
  };
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
