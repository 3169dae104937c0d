// jsforce as it comes: login, query with pages, describe, rows, collections, Bulk 2.0.
import assert from "node:assert/strict";
import jsforce from "jsforce";

const known = JSON.parse(process.env.SANDBOX).salesforce;
const connection = new jsforce.Connection({
  instanceUrl: known.url,
  version: "60.0",
  oauth2: { loginUrl: known.url, clientId: known.client_id, clientSecret: known.client_secret },
});
await connection.authorize({ grant_type: "client_credentials" });

const names = [];
await new Promise((done, fail) => {
  connection
    .query("SELECT Id, Name, Owner.Name FROM Account ORDER BY Name")
    .on("record", (record) => names.push(record.Name))
    .on("end", done)
    .on("error", fail)
    .run({ autoFetch: true, maxFetch: 100000 });
});
assert.equal(new Set(names).size, names.length);
assert.ok(names.length > 50);

const described = await connection.sobject("Account").describe();
assert.ok(described.fields.some((field) => field.name === "Lifecycle_Stage__c"));
assert.ok((await connection.describeGlobal()).sobjects.length > 5);

const [one, two] = (await connection.query("SELECT Id FROM Account LIMIT 2")).records;
const results = await connection.sobject("Account").update(
  [
    { Id: one.Id, TTV_Days__c: 12 },
    { Id: two.Id, Lifecycle_Stage__c: "Nonsense" },
  ],
  { allOrNone: false },
);
assert.deepEqual(results.map((result) => result.success), [true, false]);
const read = await connection.sobject("Account").retrieve([one.Id]);
assert.equal(read[0].TTV_Days__c, 12);
await assert.rejects(connection.query("SELECT Nope FROM Account"), { errorCode: "INVALID_FIELD" });

connection.bulk2.pollInterval = 50;
const loaded = await connection.bulk2.loadAndWaitForResults({
  object: "Account",
  operation: "update",
  input: [{ Id: one.Id, Lifecycle_Stage__c: "Adoption" }, { Id: two.Id, Lifecycle_Stage__c: "No" }],
});
assert.equal(loaded.successfulResults.length, 1);
assert.equal(loaded.failedResults.length, 1);
const stream = await connection.bulk2.query("SELECT Id, Name FROM Account", { pollInterval: 50 });
assert.equal((await stream.toArray()).length, names.length);
assert.ok(connection.limitInfo.apiUsage.used > 0);
console.log(`${names.length} accounts, collections, bulk load and query`);
