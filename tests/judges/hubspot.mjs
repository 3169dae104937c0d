// @hubspot/api-client as it comes: lists, history, batches, search, properties, associations.
import assert from "node:assert/strict";
import { Client } from "@hubspot/api-client";

const known = JSON.parse(process.env.SANDBOX).hubspot;
const client = new Client({ accessToken: known.token, basePath: known.url });

const every = await client.crm.companies.getAll(undefined, undefined, ["name"]);
assert.ok(every.length > 50);
const page = await client.crm.companies.basicApi.getPage(5, undefined, undefined, ["name"], ["contacts"]);
assert.ok(page.results[0].propertiesWithHistory.name.length >= 1);

const [one, two] = every.map((company) => company.id);
const api = client.crm.companies.batchApi;
const write = (...inputs) => api.update({ inputs });
const done = await write(
  { id: two, properties: { gp_stage: "value" } },
  { id: one, properties: { gp_stage: "value" } },
);
assert.equal(done.results.length, 2);
const partly = await write(
  { id: one, properties: { gp_stage: "adoption" } },
  { id: "9", properties: { gp_stage: "adoption" } },
);
assert.equal(partly.numErrors, 1);
await assert.rejects(write({ id: one, properties: { gp_stage: "no" } }), { code: 400 });

const found = await client.crm.companies.searchApi.doSearch({
  filterGroups: [{ filters: [{ propertyName: "type", operator: "EQ", value: "CUSTOMER" }] }],
  limit: 100,
  properties: ["name"],
});
assert.equal(typeof found.total, "number");
const made = await client.crm.properties.coreApi.create("companies", {
  name: "gp_judged", label: "Judged", type: "string", fieldType: "text", groupName: "gatepost",
});
assert.equal(made.name, "gp_judged");
const links = await client.crm.associations.v4.batchApi.getPage("companies", "contacts", {
  inputs: [{ id: one }],
});
assert.ok(links.results.length === 1);
const raw = await client.apiRequest({ path: "/account-info/v3/details" });
assert.equal((await raw.json()).portalId, 4711);
console.log(`${every.length} companies, batches, search, properties, associations`);
