// Reads objects as JSON from standard input and prints what their operators' own schemas say against them, a line each.
import { readFileSync } from "node:fs";
import * as keda from "@kubernetes-models/keda/keda.sh/v1alpha1";
import * as prometheus from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";

const models = { ...keda, ...prometheus };
for (const object of JSON.parse(readFileSync(0))) {
  try {
    new models[object.kind](object).validate();
  } catch (error) {
    console.log(`${object.kind}/${object.metadata.name}: ${error.message}`);
  }
}
