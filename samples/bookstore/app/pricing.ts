/** `my-service`: what a book costs. version-b computes more, and one time in fifty it fails. */
import { HttpError, pause, serve } from "./http.ts";

const version = process.env.VERSION ?? "version-a";
const FAILS_EVERY = 50;

let served = 0;

serve(async (path) => {
  served += 1;
  if (version === "version-a") return { path, version, cents: 1990 };
  await pause(4);
  if (served % FAILS_EVERY === 0) throw new HttpError(500, "the new price model has no answer");
  return { path, version, cents: 1890 };
});
