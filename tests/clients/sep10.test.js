// Sign-in as SEP-10 and SEP-1 specify: the SDK that wallets use and the service agree. These tests cover what the suite
// `@stellar/anchor-tests` asks of a service without a network.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Keypair, Networks, Operation, TransactionBuilder, WebAuth } from '@stellar/stellar-sdk';
import { LONGEST_MS } from './harness/condition.js';
import { Program } from './harness/program.js';
import { Wallet } from './harness/wallet.js';

describe('the service', { timeout: LONGEST_MS }, () => {
  const wallet = new Wallet();
  const stranger = Keypair.random();
  let program;
  before(async () => {
    program = await Program.start(['--auth=required']);
    await wallet.learn(`localhost:${program.port}`);
  });
  after(() => program?.stop());

  async function assertRefused(response, status = 400) {
    assert.equal(response.status, status);
    const { error } = await response.json();
    assert.ok(error.length > 0);
  }

  test('serves its stellar.toml to every origin, as text', async () => {
    const headers = { origin: 'https://a.example' };
    const response = await fetch(`${program.url}/.well-known/stellar.toml`, { headers });
    assert.equal(response.headers.get('access-control-allow-origin'), '*');
    assert.match(response.headers.get('content-type'), /^text\/plain/);
    assert.equal(wallet.service.endpoint, `http://localhost:${program.port}/v1/auth`);
  });

  test('makes challenges that the SDK accepts', async () => {
    const { tx, clientAccountID, matchedHomeDomain, memo } = wallet.read(await wallet.challenge());
    assert.equal(clientAccountID, wallet.address);
    assert.equal(matchedHomeDomain, `localhost:${program.port}`);
    assert.equal(memo, null);
    assert.equal(tx.sequence, '0');
    assert.equal(Number(tx.timeBounds.maxTime) - Number(tx.timeBounds.minTime), 900);
  });

  test('puts a requested memo into the challenge', async () => {
    const answer = await fetch(`${wallet.service.endpoint}?account=${wallet.address}&memo=17`);
    assert.equal(wallet.read((await answer.json()).transaction).memo, '17');
  });

  test('makes no challenge without an account, for an invalid account or for another home domain', async () => {
    await assertRefused(await fetch(wallet.service.endpoint));
    await assertRefused(await fetch(`${wallet.service.endpoint}?account=GABC`));
    await assertRefused(await fetch(`${wallet.service.endpoint}?account=${wallet.address}&home_domain=other.example`));
  });

  test('gives a token that names the account for a signed challenge, sent as JSON or as a form', async () => {
    const { endpoint } = wallet.service;
    const transaction = wallet.sign(await wallet.challenge(), wallet.keys);
    const response = await fetch(endpoint, { method: 'POST', body: new URLSearchParams({ transaction }) });
    assert.equal(response.status, 200);
    for (const token of [(await response.json()).token, await wallet.signIn()]) {
      const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
      assert.equal(claims.sub, wallet.address);
      assert.equal(claims.iss, endpoint);
      assert.ok(claims.exp > claims.iat);
    }
  });

  test('refuses a spent challenge, a missing one, and one that is not a transaction', async () => {
    const signed = wallet.sign(await wallet.challenge(), wallet.keys);
    assert.equal((await wallet.answer(signed)).status, 200);
    await assertRefused(await wallet.answer(signed));
    await assertRefused(await wallet.answer(undefined));
    await assertRefused(await wallet.answer('AAAA'));
  });

  test('refuses what the SDK refuses: no signature, the wrong key, one key too many', async () => {
    const signers = [{ key: wallet.address, weight: 1 }];
    for (const keys of [[], [stranger], [wallet.keys, stranger]]) {
      const signed = wallet.sign(await wallet.challenge(), ...keys);
      assert.throws(() => wallet.whoSigned(signed, 1, signers), WebAuth.InvalidChallengeError);
      await assertRefused(await wallet.answer(signed));
    }
  });

  test('refuses a challenge that it did not make, and one for another network', async () => {
    const { passphrase, homeDomain } = wallet.service;
    const forged = WebAuth.buildChallengeTx(stranger, wallet.address, homeDomain, 300, passphrase, homeDomain);
    await assertRefused(await wallet.answer(wallet.sign(forged, wallet.keys)));
    const elsewhere = TransactionBuilder.fromXDR(await wallet.challenge(), Networks.TESTNET);
    elsewhere.sign(wallet.keys);
    await assertRefused(await wallet.answer(elsewhere.toXDR()));
  });

  test('refuses a challenge with an added operation', async () => {
    const { tx } = wallet.read(await wallet.challenge());
    const more = Operation.manageData({ name: 'more', value: 'than asked', source: wallet.address });
    const changed = TransactionBuilder.cloneFrom(tx, { fee: '100' }).addOperation(more).build();
    changed.signatures.push(...tx.signatures);
    assert.equal(changed.sequence, '0');
    await assertRefused(await wallet.answer(wallet.sign(changed.toXDR(), wallet.keys)));
  });

  test('compares the weight of the signers with the medium threshold as the SDK does', async () => {
    // A wallet of its own: the service remembers an account's signers for some seconds.
    const wallet = new Wallet();
    await wallet.learn(`localhost:${program.port}`);
    const other = Keypair.random();
    const signers = [{ key: wallet.address, weight: 1 }, { key: other.publicKey(), weight: 2 }];
    await program.post('/devnet/accounts', {
      address: wallet.address,
      signers: signers.slice(1),
      thresholds: { masterWeight: 1, low: 1, medium: 3, high: 3 },
    });
    const tooLight = wallet.sign(await wallet.challenge(), other);
    assert.throws(() => wallet.whoSigned(tooLight, 3, signers), WebAuth.InvalidChallengeError);
    await assertRefused(await wallet.answer(tooLight));
    const both = wallet.sign(await wallet.challenge(), wallet.keys, other);
    assert.deepEqual(wallet.whoSigned(both, 3, signers).sort(), signers.map(({ key }) => key).sort());
    assert.equal((await wallet.answer(both)).status, 200);
  });
});
