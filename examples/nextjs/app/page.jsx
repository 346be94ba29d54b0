import { Activity } from './activity';

// Where the service is, is read when the page is asked for, not when it is built.
export const dynamic = 'force-dynamic';

export default function Page() {
  return <Activity url={process.env.FLOWFI_URL ?? 'http://127.0.0.1:8080'} />;
}
