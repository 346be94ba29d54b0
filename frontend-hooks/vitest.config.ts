import { defineConfig } from 'vitest/config';

/** Far beyond what the busiest machine needs: only a test that fails waits this long. */
const DEADLINE_MS = 120_000;

export default defineConfig({
  test: {
    include: ['tests/**/*.test.{ts,tsx}'],
    typecheck: {
      enabled: true,
      include: ['tests/**/*.test-d.ts'],
      tsconfig: 'tsconfig.test.json',
      spawnTimeout: DEADLINE_MS,
    },
    restoreMocks: true,
    testTimeout: DEADLINE_MS,
    hookTimeout: DEADLINE_MS,
    teardownTimeout: DEADLINE_MS,
  },
});
