// Lets ratings fail until its circuit opens, then calls it until the circuit has closed again.
const [url = "http://ratings:8080/"] = process.argv.slice(2);
const FAILURES = 12;
const PAUSE_MS = 100;
const PATIENCE = 300;
let last = "";

for (let call = 1; call <= FAILURES; call++) await tell("failing", call, { "x-fail": "yes" });
for (let call = 1; call <= PATIENCE; call++) {
  if (!(await tell("well again", call, {}))) process.exit(0);
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}
console.log("nothing changes any more");
process.exit(1);

/** True where the answer was the circuit's. Says it where it differs from the one before. */
async function tell(what, call, headers) {
  const response = await fetch(url, { headers });
  const body = await response.text();
  const isFallback = response.headers.has("x-fallback");
  const text = `${what}: ${response.status} ${body}${isFallback ? ", the fallback" : ""}`;
  if (text !== last) console.log(`${text}, from call ${call} on`);
  last = text;
  return isFallback;
}
