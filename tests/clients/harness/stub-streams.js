// Stubs of the API's streams, for states that a test cannot wait for.

const account = (letter) => `G${letter.repeat(55)}`;
const contract = (letter) => `C${letter.repeat(55)}`;

/** Stands for the contract that the service follows. */
const HOME = contract('A');

/** Returns a stream of 10 units a second, 10 000 in all, that began 500 seconds before `now`, in Unix seconds. */
export function record(now, fields) {
  const startTime = now - 500;
  return {
    contractId: HOME,
    sender: account('B'),
    recipient: account('D'),
    tokenAddress: contract('E'),
    ratePerSecond: '10',
    depositedAmount: '10000',
    withdrawnAmount: '0',
    claimableAmount: '0',
    claimableReason: null,
    schedule: { kind: 'linear' },
    cliffTime: null,
    startTime,
    lastUpdateTime: startTime,
    endTime: null,
    isActive: true,
    isPaused: false,
    pausedAt: null,
    totalPausedDuration: 0,
    status: 'active',
    arbiter: null,
    disputeStatus: 'none',
    isAllowanceBased: false,
    lastEventLedger: 100,
    checkedAtLedger: 120,
    unverified: false,
    impossibleOrder: false,
    createdAt: new Date(startTime * 1_000).toISOString(),
    updatedAt: new Date(startTime * 1_000).toISOString(),
    calculatedAt: now,
    ...fields,
  };
}

/** Has the page get these streams, each under its number, and these events. What the test changes
    in `streams`, the page gets from then on. */
export async function stubStreams(page, streams, events = []) {
  const list = { limit: 25, offset: 0, total: Object.keys(streams).length, hasMore: false, nextCursor: null };
  const stream = (streamId) => ({ id: streamId, streamId, ...streams[streamId] });
  const answers = [
    [/^\/v1\/streams$/, () => ({ ...list, data: Object.keys(streams).map(stream) })],
    [/^\/v1\/events$/, () => ({ ...list, events })],
    [/^\/v1\/streams\/(\d+)\/events$/, (id) => ({ ...list, events: events.filter(({ streamId }) => streamId === id) })],
    [/^\/v1\/streams\/(\d+)$/, (id) => ({ ...stream(id), events: [] })],
  ];
  const answerOf = (path) => answers.find(([pattern]) => pattern.test(path));
  await page.route(({ pathname }) => answerOf(pathname) !== undefined, async (route) => {
    const { pathname, origin } = new URL(route.request().url());
    const { contractId } = await (await fetch(`${origin}/v1/status`)).json();
    const [pattern, answer] = answerOf(pathname);
    const body = JSON.stringify(answer(pattern.exec(pathname)[1])).replaceAll(HOME, contractId);
    return route.fulfill({ contentType: 'application/json', body });
  });
}

/** Has the page be told that the last ledger closed at this Unix time, in seconds. */
export function stubTime(page, now) {
  return page.route('**/v1/status', async (route) => {
    const response = await route.fetch();
    const closed = { lastWholeLedgerClosedAt: new Date(now * 1_000).toISOString(), lastWholeLedgerClosedSecondsAgo: 0 };
    await route.fulfill({ response, json: { ...(await response.json()), ...closed } });
  });
}

/** Returns an event of stream 1, or of none where the protocol itself had it; the `at`th of all. */
export function event(now, at, type, fields) {
  const isOfStream = type.startsWith('stream.');
  const closedAt = now - 1_000 + at;
  return {
    id: `${String(1_000 + at).padStart(19, '0')}-0000000000.1`,
    type,
    streamId: isOfStream ? '1' : null,
    contractId: HOME,
    sender: isOfStream ? account('B') : null,
    recipient: isOfStream ? account('D') : null,
    tokenAddress: isOfStream ? contract('E') : null,
    amount: null,
    ledger: 100 + at,
    ledgerClosedAt: new Date(closedAt * 1_000).toISOString(),
    timestamp: closedAt,
    transactionHash: 'a'.repeat(64),
    ...fields,
  };
}
