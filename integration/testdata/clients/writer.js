// Writes with a node-redis that knows no Sentinel: asks the sentinels itself, and
// prints the number of each acknowledged write.
// usage: writer.js CLIENT MASTER-NAME SENTINEL...
const { createClient } = require('redis');

const [name, masterName, ...sentinels] = process.argv.slice(2);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function connect(addr) {
  const i = addr.lastIndexOf(':');
  const client = createClient({
    socket: {
      host: addr.slice(0, i),
      port: Number(addr.slice(i + 1)),
      connectTimeout: 2000,
      reconnectStrategy: () => new Error('not there: ask the sentinels again'),
    },
    disableOfflineQueue: true,
  });
  client.on('error', () => {}); // commands are told too
  await client.connect();
  return client;
}

async function findMaster() {
  for (const addr of sentinels) {
    try {
      const sentinel = await connect(addr);
      const found = await sentinel.sendCommand(['SENTINEL', 'get-master-addr-by-name', masterName]);
      await sentinel.disconnect();
      if (found) return await connect(found.join(':'));
    } catch (e) {
      // the next one may know
    }
  }
  throw new Error('no master');
}

async function main() {
  let master = null;
  for (let n = 1; ;) {
    try {
      if (!master) master = await findMaster();
      await master.set(`${name}:${n}`, String(n));
      console.log(n);
      n++;
    } catch (e) {
      const old = master;
      master = null;
      if (old) await old.disconnect().catch(() => {});
    }
    await pause(5);
  }
}

main();
