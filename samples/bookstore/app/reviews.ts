/** What readers say; `VERSION` v2 adds the stars. */
import { pause, serve } from "./http.ts";

const version = process.env.VERSION ?? "v1";

serve(async (path) => {
  await pause(version === "v1" ? 3 : 5);
  const text = "Kept me upright through every squall.";
  const review = version === "v1" ? { text } : { text, stars: 5 };
  return { path, version, reviews: [review] };
});
