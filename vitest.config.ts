import { defineConfig, type ViteUserConfig } from "vitest/config";

const never = ["src/gen/**", "node_modules/**", "dist/**"];

const expect = { poll: { timeout: 30_000 } };

// Timeouts are for tests that hang. They say nothing of speed: the machine may be very busy.
const config: ViteUserConfig = defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: "fast",
          // No file leaves anything behind in its modules; loading them for each took half the time.
          isolate: false,
          include: ["src/**/*.test.ts", "test/**/*.test.ts", "bench/**/*.test.ts"],
          exclude: [...never, "test/e2e/**", "test/attacks/**"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          expect,
        },
      },
      {
        // Real programs on a machine with two cores: one file at a time.
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts", "test/attacks/**/*.test.ts"],
          exclude: never,
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          expect,
        },
      },
    ],
  },
});

export default config;
