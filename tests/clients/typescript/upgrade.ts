// A frontend in TypeScript upgrades a service, with the types that were made from the OpenAPI document.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type PlanChange = components["schemas"]["PlanChange"];

const [url, key, service] = process.argv.slice(2) as [string, string, string];
const planshift = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${key}` } });

// Every error is the one problem document.
function answered<T>(result: { data?: T; error?: components["schemas"]["ProblemDocument"] }): T {
  if (result.data === undefined) throw new Error(result.error?.detail ?? "no answer");
  return result.data;
}

async function waited(id: string, ...statuses: PlanChange["status"][]): Promise<PlanChange> {
  for (;;) {
    const request = { params: { path: { change_id: id }, header: { prefer: "wait=20" } } };
    const change = answered(await planshift.GET("/v1/plan-changes/{change_id}", request));
    if (statuses.includes(change.status)) return change;
  }
}

const wanted = { service, plan: "business", cycle: "monthly" };
const quote = answered(await planshift.POST("/v1/quotes", { body: wanted }));
const asked = answered(
  await planshift.POST("/v1/plan-changes", {
    params: { header: { "idempotency-key": `order-${service}` } },
    body: { ...wanted, quote: quote.id, replace: false },
  }),
);
const payable = await waited(asked.id, "awaiting_payment");
const checkout = payable.payment?.checkout_url;
if (!checkout) throw new Error("no checkout page");
await fetch(checkout, { method: "POST", body: new URLSearchParams({ outcome: "pay" }) });
const applied = await waited(asked.id, "applied");
console.log(JSON.stringify({ status: applied.status, due: quote.total_due_today.amount }));
