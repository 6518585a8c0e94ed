// Loads every contract without generated code, and prints each service with its number of RPCs.
import { readFileSync } from "node:fs";
import { loadPackageDefinition } from "@grpc/grpc-js";
import { loadFileDescriptorSetFromBuffer } from "@grpc/proto-loader";

const options = { keepCase: true, longs: String };
const definition = loadFileDescriptorSetFromBuffer(readFileSync(process.argv[2]), options);
loadPackageDefinition(definition);
for (const [name, entry] of Object.entries(definition)) {
  if (name.startsWith("kieng.") && !("format" in entry)) {
    console.log(`${name}\t${Object.keys(entry).length}`);
  }
}
