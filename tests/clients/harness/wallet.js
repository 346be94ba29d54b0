import { Keypair, StellarToml, TransactionBuilder, WebAuth } from '@stellar/stellar-sdk';

/** What a wallet does to sign in (SEP-10), with the SDK that wallets use. */
export class Wallet {
  keys = Keypair.random();
  /** Whatever nobody else may learn. */
  secrets = [this.keys.secret()];

  get address() {
    return this.keys.publicKey();
  }

  /** Learns from the service's own file whom to trust and where to go. */
  async learn(homeDomain) {
    const toml = await StellarToml.Resolver.resolve(homeDomain, { allowHttp: true });
    this.service = {
      homeDomain,
      endpoint: toml.WEB_AUTH_ENDPOINT,
      key: toml.SIGNING_KEY,
      passphrase: toml.NETWORK_PASSPHRASE,
    };
  }

  /** Fetches a challenge and checks that it is what the service may ask to be signed. */
  async challenge(account = this.address) {
    const { endpoint } = this.service;
    const answer = await (await fetch(`${endpoint}?account=${account}`)).json();
    this.read(answer.transaction);
    return answer.transaction;
  }

  /** Reads a challenge as the SDK does; throws what the SDK has against it. */
  read(challenge) {
    const { key, passphrase, homeDomain, endpoint } = this.service;
    return WebAuth.readChallengeTx(challenge, key, passphrase, homeDomain, new URL(endpoint).host);
  }

  /** Returns whom the SDK's own check for services takes to have signed, with this weight or more. */
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
