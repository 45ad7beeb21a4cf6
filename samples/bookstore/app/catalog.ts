/** What books there are. */
import { HttpError, pause, serve } from "./http.ts";

const TITLES: readonly string[] = [
  "The Outrigger Canoe",
  "Sailing by the Stars",
  "Knots and Splices",
  "Tides of the Pacific",
  "A Harbour Pilot's Notes",
];

serve(async (path) => {
  const number = Number(/^\/books\/(\d+)$/.exec(path)?.[1]);
  const title = TITLES[number - 1];
  if (title === undefined) throw new HttpError(404, `there is no book at ${path}`);
  await pause(2);
  return { number, title, servedBy: process.env.POD_NAME };
});
