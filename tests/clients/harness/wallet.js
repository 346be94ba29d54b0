import { Keypair, StellarToml, TransactionBuilder, WebAuth } from '@stellar/stellar-sdk';

/** A wallet that signs in (SEP-10), with the SDK that wallets use. */
export class Wallet {
  keys = Keypair.random();
  /** Everything that must stay secret. */
  secrets = [this.keys.secret()];

  get address() {
    return this.keys.publicKey();
  }

  /** Reads from the service's own file which key to trust and where to sign in. */
  async learn(homeDomain) {
    const toml = await StellarToml.Resolver.resolve(homeDomain, { allowHttp: true });
    this.service = {
      homeDomain,
      endpoint: toml.WEB_AUTH_ENDPOINT,
      key: toml.SIGNING_KEY,
      passphrase: toml.NETWORK_PASSPHRASE,
    };
  }

  /** Fetches a challenge and checks that it is one that a wallet may sign. */
  async challenge(account = this.address) {
    const { endpoint } = this.service;
    const answer = await (await fetch(`${endpoint}?account=${account}`)).json();
    this.read(answer.transaction);
    return answer.transaction;
  }

  /** Reads a challenge as the SDK does; throws the SDK's objections. */
  read(challenge) {
    const { key, passphrase, homeDomain, endpoint } = this.service;
    return WebAuth.readChallengeTx(challenge, key, passphrase, homeDomain, new URL(endpoint).host);
  }

  /** Returns the signers that the SDK's check for services finds, if they reach this weight. */
  whoSigned(challenge, threshold, signers) {
    const { key, passphrase, homeDomain, endpoint } = this.service;
    const domain = new URL(endpoint).host;
    return WebAuth.verifyChallengeTxThreshold(challenge, key, passphrase, threshold, signers, homeDomain, domain);
  }

  sign(challenge, ...keys) {
    const transaction = TransactionBuilder.fromXDR(challenge, this.service.passphrase);
    transaction.sign(...keys);
    this.secrets.push(...transaction.signatures.map((signature) => signature.signature().toString('base64')));
    const signed = transaction.toXDR();
    this.secrets.push(signed);
    return signed;
  }

  answer(transaction) {
    const headers = { 'content-type': 'application/json' };
    return fetch(this.service.endpoint, { method: 'POST', headers, body: JSON.stringify({ transaction }) });
  }

  /** Returns a token. */
  async signIn() {
    const response = await this.answer(this.sign(await this.challenge(), this.keys));
    const { token } = await response.json();
    this.secrets.push(token, ...token.split('.').slice(1));
    return token;
  }
}
