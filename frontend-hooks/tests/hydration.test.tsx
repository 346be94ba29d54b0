// @vitest-environment jsdom
import { act } from '@testing-library/react';
import { hydrateRoot } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { expect, it, vi } from 'vitest';
import { StreamEventsProvider, useClaimable, useStreamEvents } from '../src/react';
import { FakeService } from './support/service';
import { stream } from './support/stream';

it('takes over what a server rendered without a difference', async () => {
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true);
  const service = new FakeService();
  const record = stream({ calculatedAt: 150, claimableAmount: '500' });
  const Page = () => {
    const { connected, events } = useStreamEvents({ streamIds: ['7'] });
    return <p>{`${connected} ${events.length} ${(useClaimable(record) ?? 0n) >= 500n}`}</p>;
  };
  const whole = (
    <StreamEventsProvider url="http://service.test" fetch={service.fetch} tabs={false}>
      <Page />
    </StreamEventsProvider>
  );
  const container = document.createElement('div');
  container.innerHTML = renderToString(whole);
  const onRecoverableError = vi.fn();
  const root = await act(async () => hydrateRoot(container, whole, { onRecoverableError }));
  expect(container.textContent).toBe('false 0 true');
  expect(onRecoverableError).not.toHaveBeenCalled();
  await act(async () => root.unmount());
});
