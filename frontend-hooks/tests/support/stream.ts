import type { StreamRecord } from '../../src/api-types';

/** Returns an active stream of 10 units a second, 1 000 in all, that began at second 100; at second 100. */
export function stream(fields: Partial<StreamRecord> = {}): StreamRecord {
  return {
    id: '7',
    streamId: '7',
    contractId: 'C',
    sender: 'G1',
    recipient: 'G2',
    tokenAddress: 'C2',
    ratePerSecond: '10',
    depositedAmount: '1000',
    withdrawnAmount: '0',
    claimableAmount: '0',
    claimableReason: null,
    schedule: { kind: 'linear' },
    cliffTime: null,
    startTime: 100,
    lastUpdateTime: 100,
    endTime: 200,
    isActive: true,
    isPaused: false,
    pausedAt: null,
    totalPausedDuration: 0,
    status: 'active',
    arbiter: null,
    disputeStatus: 'none',
    isAllowanceBased: false,
    lastEventLedger: 1,
    checkedAtLedger: null,
    unverified: false,
    impossibleOrder: false,
    createdAt: '1970-01-01T00:01:40Z',
    updatedAt: '1970-01-01T00:01:40Z',
    calculatedAt: 100,
    ...fields,
  };
}
