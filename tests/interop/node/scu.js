// A Verification and Storage SCU of dcmjs-dimse: node scu.js HOST PORT echo | store FILE...
const dcmjsDimse = require('dcmjs-dimse');
const { Client } = dcmjsDimse;
const { CEchoRequest, CStoreRequest } = dcmjsDimse.requests;

const [host, port, what, ...files] = process.argv.slice(2);
const client = new Client();
const requests = what === 'echo' ? [new CEchoRequest()] : files.map((file) => new CStoreRequest(file));
let answered = 0;
for (const request of requests) {
  request.on('response', (response) => {
    console.log(`status ${response.getStatus()}`);
    answered += response.getStatus() === 0 ? 1 : 0;
  });
  client.addRequest(request);
}
const fail = (reason) => {
  console.log('failed:', reason);
  process.exit(1);
};
client.on('networkError', fail);
client.on('associationRejected', fail);
client.on('closed', () => process.exit(answered === requests.length ? 0 : 1));
client.send(host, Number(port), 'DCMJS', 'ISOCENTER');
