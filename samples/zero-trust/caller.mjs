// Asks each URL in turn, ten times a second, for as long as its pod lives; says when answers change.
const urls = process.argv.slice(2);
const PAUSE_MS = 100;
const last = new Map();

for (let turn = 0; ; turn++) {
  const url = urls[turn % urls.length];
  const answer = await ask(url);
  if (answer !== last.get(url)) console.log(`${url}: ${answer}`);
  last.set(url, answer);
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}

async function ask(url) {
  try {
    const response = await fetch(url);
    await response.arrayBuffer();
    return response.status;
  } catch (error) {
    return error.cause?.code ?? error.message;
  }
}
