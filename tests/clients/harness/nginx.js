import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child, freePort } from './child.js';
import { until } from './condition.js';

const BINARY = process.env.FLOWFI_NGINX ?? '/usr/sbin/nginx';

/** An nginx in front of a service, without any setting for buffers: all of those keep their defaults. */
export class Nginx {
  #folder = mkdtempSync(join(tmpdir(), 'flowfi-nginx-'));
  #child;

  static async start(serviceUrl) {
    const nginx = new Nginx();
    const ports = { plain: await freePort(), tls: await freePort() };
    nginx.plainUrl = `http://127.0.0.1:${ports.plain}`;
    nginx.tlsUrl = `https://127.0.0.1:${ports.tls}`;
    makeCertificate(nginx.#folder);
    writeFileSync(join(nginx.#folder, 'nginx.conf'), configuration(nginx.#folder, ports, serviceUrl));
    const logFile = join(nginx.#folder, 'out');
    nginx.#child = new Child(BINARY, ['-p', nginx.#folder, '-c', 'nginx.conf', '-e', 'error.log'], { logFile });
    await until('nginx answers', () => {
      if (nginx.#child.isOver) throw new Error(`nginx ended: ${readFileSync(logFile, 'utf8')}`);
      return fetch(nginx.plainUrl).catch(() => undefined);
    });
    return nginx;
  }

  /** Returns one line per request: the protocol, the status, the path. */
  requests() {
    return readFileSync(join(this.#folder, 'access.log'), 'utf8').trim().split('\n');
  }

  async stop() {
    await this.#child.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function configuration(folder, ports, serviceUrl) {
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
    daemon off;
    worker_processes 1;
    pid nginx.pid;
    events {}
    http {
      ${temp.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n')}
      log_format requests '$server_protocol $status $uri';
      access_log access.log requests;
      server {
        listen 127.0.0.1:${ports.plain};
        listen 127.0.0.1:${ports.tls} ssl http2;
        ssl_certificate certificate.pem;
        ssl_certificate_key key.pem;
        location / {
          proxy_pass ${serviceUrl};
        }
      }
    }`;
}

function makeCertificate(folder) {
  const args = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost';
  const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'certificate.pem')];
  execFileSync('openssl', [...args.split(' '), ...files], { stdio: 'ignore' });
}
