// Reads a stream with the EventSource of a package, as a page in a browser would:
// node read.mjs FOLDER PACKAGE URL. Writes one JSON line for each event, and ends when
// the EventSource has closed itself for good.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, name, url] = process.argv.slice(2);
const found = createRequire(`${folder}/`).resolve(name);
const { EventSource } = await import(pathToFileURL(found).href);

const source = new EventSource(url);
source.onmessage = ({ lastEventId, data }) =>
  console.log(JSON.stringify({ id: lastEventId, data }));
source.onerror = () => {
  if (source.readyState === EventSource.CLOSED) process.exit(0);
};
// Timers of a reconnect keep no process alive.
setInterval(() => {}, 60_000);
