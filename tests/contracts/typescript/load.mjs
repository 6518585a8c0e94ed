// Loads every contract without generated code, and prints each service with its number of RPCs.
import { readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const root = process.argv[2];
const files = readdirSync(join(root, "kieng"), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.name.endsWith(".proto"))
  .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)));
const definition = loadSync(files, { includeDirs: [root], keepCase: true, longs: String });
loadPackageDefinition(definition);
for (const [name, entry] of Object.entries(definition)) {
  if (name.startsWith("kieng.") && !("format" in entry)) {
    console.log(`${name}\t${Object.keys(entry).length}`);
  }
}
