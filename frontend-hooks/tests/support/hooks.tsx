import { act, cleanup } from '@testing-library/react';
import type { ReactNode } from 'react';
import { afterEach, beforeEach, vi } from 'vitest';
import { StreamEventsProvider } from '../../src/react';
import { connectedFrame, FakeService, id, until } from './service';

/** Hooks under test and their service. */
export interface HookHarness {
  service: FakeService;
  Provider: (props: { children?: ReactNode }) => ReactNode;
  /** Has the service send to the last connection, and everything shown. */
  send: (text: string) => Promise<void>;
  /** Lets the last connection in. */
  letIn: () => Promise<void>;
}

/** Gives each test of the file a service and a clock of its own. */
export function hookHarness(): HookHarness {
  const harness = {} as HookHarness;
  beforeEach(() => {
    vi.useFakeTimers();
    harness.service = new FakeService();
  });
  afterEach(async () => {
    cleanup();
    await vi.advanceTimersByTimeAsync(1_000);
    vi.useRealTimers();
  });
  return Object.assign(harness, {
    Provider: ({ children }: { children?: ReactNode }): ReactNode => (
      <StreamEventsProvider url="http://service.test" fetch={harness.service.fetch} tabs={false}>
        {children}
      </StreamEventsProvider>
    ),
    send: async (text: string): Promise<void> => {
      harness.service.stream.send(text);
      await pass(20);
    },
    letIn: async (): Promise<void> => {
      await settleUntil(() => harness.service.streams.length > 0);
      await harness.send(connectedFrame(id(1)));
    },
  });
}

/** Lets time pass and React render. */
export async function pass(ms: number): Promise<void> {
  await act(() => vi.advanceTimersByTimeAsync(ms));
}

/** Lets everything happen that needs no time, until the condition holds. */
export async function settleUntil(condition: () => boolean): Promise<void> {
  await act(() => until(condition));
}
