// Asks each URL in turn, ten times a second, for as long as its pod lives.
const urls = process.argv.slice(2);
const PAUSE_MS = 100;

for (let turn = 0; ; turn++) {
  const url = urls[turn % urls.length];
  try {
    const response = await fetch(url);
    await response.arrayBuffer();
    if (!response.ok) console.log(`${url}: ${response.status}`);
  } catch (error) {
    console.log(`${url}: ${error.cause ?? error}`);
  }
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}
