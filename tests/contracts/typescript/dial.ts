// Calls a server through each of the targets of its command line, and prints what became of it.
import { readFileSync } from "node:fs";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import {
  GetSubscriptionRequestSchema,
  GetSubscriptionResponseSchema,
  type GetSubscriptionRequest,
  type GetSubscriptionResponse,
  NotificationService,
} from "./gen/kieng/notifications/v1/notification_service_pb.js";

const CALLS = 10;
const PATH = `/${NotificationService.typeName}/${NotificationService.method.getSubscription.name}`;

function call(client: grpc.Client, token: string): Promise<GetSubscriptionResponse> {
  const metadata = new grpc.Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest<GetSubscriptionRequest, GetSubscriptionResponse>(
      PATH,
      (request) => Buffer.from(toBinary(GetSubscriptionRequestSchema, request)),
      (bytes) => fromBinary(GetSubscriptionResponseSchema, bytes),
      create(GetSubscriptionRequestSchema),
      metadata,
      { deadline: Date.now() + 5000 },
      (error, response) => (error || !response ? reject(error) : resolve(response)),
    );
  });
}

async function dial(target: string, token: string, serviceConfig: string): Promise<string> {
  let client: grpc.Client | undefined;
  try {
    client = new grpc.Client(target, grpc.credentials.createInsecure(), {
      "grpc.service_config": serviceConfig,
    });
    for (let number = 0; number < CALLS; number++) {
      await call(client, token);
    }
    return "OK";
  } catch (error) {
    return String(error).replaceAll("\n", " ");
  } finally {
    client?.close();
  }
}

const [configFile, token, ...targets] = process.argv.slice(2);
const serviceConfig = readFileSync(configFile!, "utf-8");
for (const target of targets) {
  console.log(`${target}\t${await dial(target, token!, serviceConfig)}`);
}
