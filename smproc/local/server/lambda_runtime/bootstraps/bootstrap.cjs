// The Node runtime of a function: loads the handler, then answers invocations; runs in the function's process.
//
// It speaks to smproc.local.server.lambda_runtime.environment in lines of JSON over two pipes of its own, so that
// standard output and standard error belong to the function.
// See: https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html
// See: https://docs.aws.amazon.com/lambda/latest/dg/nodejs-exceptions.html
// See: https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html
"use strict";
const fs = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const module_ = require("node:module");
const path = require("node:path");
const { pathToFileURL, urlToHttpOptions } = require("node:url");
const util = require("node:util");

const [requests, responses] = process.argv.splice(2).map(Number);
const gateway = new URL(process.env.AWS_ENDPOINT_URL);
const [depthVariable, depthHeader] = (process.env.SMPROC_DEPTH || "=").split("=");
delete process.env.SMPROC_DEPTH;

let handler;
let requestId = "undefined";
// Answers the current invocation; undefined between invocations.
let settle;
// Sends the response once the event loop is empty, or says that there is none.
let atEmptyLoop;

class Refused extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

function isLocalAws(options) {
  const host = String(options.hostname || options.host || "").split(":")[0];
  const port = Number(options.port || 443);
  return host === gateway.hostname && (port === 443 || port === Number(gateway.port));
}

// Handlers PUT their response with https to the host of the ResponseURL, which is the local AWS, and drop the port.
function answerOverHttp() {
  const requestOverTls = https.request;
  https.request = function (...args) {
    const callback = typeof args.at(-1) === "function" ? args.pop() : undefined;
    const [first, second] = args;
    const isUrl = typeof first === "string" || first instanceof URL;
    const options = isUrl ? { ...urlToHttpOptions(new URL(first)), ...second } : { ...first };
    if (gateway.protocol !== "http:" || !isLocalAws(options)) {
      return requestOverTls.call(https, ...args, ...(callback ? [callback] : []));
    }
    const { agent, _defaultAgent, ...rest } = options;
    return http.request({ ...rest, host: gateway.hostname, hostname: gateway.hostname, port: gateway.port, protocol: "http:" }, callback);
  };
  https.get = (...args) => https.request(...args).end();
}

// The depth of nested invocations goes with each call to the local AWS, by which a loop of functions is recognised.
function sendDepth() {
  const request = http.request;
  http.request = function (...args) {
    const sent = request.apply(http, args);
    if (depthHeader && process.env[depthVariable] && sent.host === gateway.hostname && !sent.headersSent) {
      sent.setHeader(depthHeader, process.env[depthVariable]);
    }
    return sent;
  };
}

// As in AWS, NODE_PATH counts for import too: there the packages of layers and the SDK are.
function resolveOnNodePath() {
  const folders = (process.env.NODE_PATH || "").split(path.delimiter).filter(Boolean);
  module_.registerHooks({
    resolve(specifier, context, next) {
      try {
        return next(specifier, context);
      } catch (error) {
        if (error.code !== "ERR_MODULE_NOT_FOUND" || /^[./]|^[a-z]+:/.test(specifier)) throw error;
        for (const folder of folders) {
          try {
            return next(specifier, { ...context, parentURL: pathToFileURL(path.join(path.dirname(folder), "_")).href });
          } catch {
            // The next folder may have it.
          }
        }
        throw error;
      }
    },
  });
}

function logLines() {
  const levels = { log: "INFO", info: "INFO", warn: "WARN", error: "ERROR", debug: "DEBUG", trace: "TRACE" };
  for (const [method, level] of Object.entries(levels)) {
    console[method] = (...values) => writeLog(level, util.format(...values));
  }
}

function writeLog(level, message) {
  process.stdout.write(`${new Date().toISOString()}\t${requestId}\t${level}\t${message}\n`);
}

function errorPayload(error) {
  if (!util.types.isNativeError(error) && !(error && error.stack && error.message !== undefined)) {
    return { errorType: typeof error, errorMessage: String(error), trace: [] };
  }
  return { errorType: error.name, errorMessage: error.message, trace: (error.stack || "").split("\n") };
}

function report(error, title) {
  const payload = errorPayload(error);
  writeLog("ERROR", `${title}\t${JSON.stringify(payload)}`);
  return { error: payload };
}

function send(response) {
  let data = Buffer.from(JSON.stringify(response) + "\n");
  while (data.length) {
    try {
      data = data.subarray(fs.writeSync(responses, data));
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

async function load() {
  const root = process.env.LAMBDA_TASK_ROOT;
  const name = process.env._HANDLER;
  const parsed = /^([^/]*?)\.(.+)$/.exec(name.slice(name.lastIndexOf("/") + 1));
  if (!parsed || name.includes("..")) throw new Refused("Runtime.MalformedHandlerName", "Bad handler");
  const moduleName = name.slice(0, name.lastIndexOf("/") + 1) + parsed[1];
  const file = path.resolve(root, moduleName);
  const found = [file, `${file}.js`, `${file}.mjs`, `${file}.cjs`].find((candidate) => fs.statSync(candidate, { throwIfNoEntry: false })?.isFile());
  let loaded;
  try {
    if (!found && !fs.existsSync(file)) throw Object.assign(new Error(`Cannot find module '${moduleName}'`), { code: "MODULE_NOT_FOUND" });
    loaded = await loadFile(found || require.resolve(file));
  } catch (error) {
    if (error instanceof SyntaxError) throw Object.assign(new Refused("Runtime.UserCodeSyntaxError", `SyntaxError: ${error.message}`), { stack: error.stack });
    if (error && ["MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND"].includes(error.code)) throw new Refused("Runtime.ImportModuleError", `Error: ${error.message}`);
    throw error;
  }
  const exported = (value) => parsed[2].split(".").reduce((container, key) => container?.[key], value);
  const handler = exported(loaded) ?? exported(loaded.default);
  if (handler === undefined) throw new Refused("Runtime.HandlerNotFound", `${name} is undefined or not exported`);
  if (typeof handler !== "function") throw new Refused("Runtime.HandlerNotFound", `${name} is not a function`);
  return handler;
}

async function loadFile(file) {
  if (file.endsWith(".mjs")) return import(pathToFileURL(file).href);
  try {
    return require(file);
  } catch (error) {
    if (!["ERR_REQUIRE_ESM", "ERR_REQUIRE_ASYNC_MODULE"].includes(error.code)) throw error;
    return import(pathToFileURL(file).href);
  }
}

function readLine() {
  const chunks = [];
  const buffer = Buffer.alloc(65536);
  for (;;) {
    let size;
    try {
      size = fs.readSync(requests, buffer);
    } catch (error) {
      if (error.code === "EAGAIN") continue;
      throw error;
    }
    if (size === 0) process.exit(0);
    chunks.push(Buffer.from(buffer.subarray(0, size)));
    if (buffer[size - 1] === 10) return Buffer.concat(chunks).toString();
  }
}

// Waiting blocks the event loop: between invocations, AWS freezes the environment.
function next() {
  const invocation = JSON.parse(readLine());
  requestId = invocation.request_id;
  for (const [name, value] of Object.entries(invocation.variables)) {
    if (value === null) delete process.env[name];
    else process.env[name] = value;
  }
  let settled = false;
  const answer = (response) => {
    settle = undefined;
    atEmptyLoop = undefined;
    requestId = "undefined";
    send(response);
    setImmediate(next);
  };
  settle = (error, result, failed) => {
    if (settled) return;
    settled = true;
    if (failed) return answer(report(error, "Invoke Error "));
    let text;
    try {
      text = JSON.stringify(result === undefined ? null : result) ?? "null";
    } catch {
      return answer(report(new Refused("Runtime.UnserializableResponse", "Unable to stringify response body"), "Invoke Error "));
    }
    answer({ result: text });
  };
  const context = newContext(invocation);
  const callback = (error, result) => {
    const failed = error !== undefined && error !== null;
    if (failed || !context.callbackWaitsForEmptyEventLoop) settle(error, result, failed);
    else if (atEmptyLoop) atEmptyLoop = () => settle(null, result, false);
  };
  context.done = callback;
  context.succeed = (result) => callback(null, result);
  context.fail = (error) => callback(error ?? "handled");
  // A handler that neither calls back nor returns a promise answers null.
  atEmptyLoop = () => settle(null, null, false);
  let returned;
  try {
    returned = handler(invocation.event, context, callback);
  } catch (error) {
    settle(error, null, true);
    return;
  }
  if (returned && typeof returned.then === "function") {
    const message = "The Lambda function exited before its promise was settled";
    if (!settled) atEmptyLoop = () => settle(new Refused("Runtime.NodeJsExit", message), null, true);
    const current = settle;
    returned.then(
      (result) => current?.(null, result, false),
      (error) => current?.(error, null, true),
    );
  }
}

function newContext(invocation) {
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    awsRequestId: invocation.request_id,
    invokedFunctionArn: invocation.function_arn,
    clientContext: undefined,
    identity: undefined,
    getRemainingTimeInMillis: () => Math.max(0, Math.floor(invocation.deadline * 1000 - Date.now())),
  };
}

function exitWith(error, title, code) {
  send(report(error, title));
  process.exit(code);
}

async function main() {
  answerOverHttp();
  sendDepth();
  module_.syncBuiltinESMExports();
  resolveOnNodePath();
  logLines();
  globalThis.awslambda = {
    streamifyResponse() {
      throw new Refused("Runtime.Unsupported", "The local AWS does not stream responses; return the response from an async handler");
    },
  };
  process.on("uncaughtException", (error) => exitWith(error, "Uncaught Exception ", 129));
  process.on("unhandledRejection", (reason) => {
    const text = util.types.isNativeError(reason) ? reason.toString() : String(reason);
    const error = new Refused("Runtime.UnhandledPromiseRejection", text);
    if (reason?.stack) error.stack = reason.stack;
    exitWith(error, "Unhandled Promise Rejection ", 128);
  });
  process.on("beforeExit", () => atEmptyLoop?.());
  try {
    handler = await load();
  } catch (error) {
    exitWith(error, "Uncaught Exception ", 1);
  }
  send({ ready: true });
  setImmediate(next);
}

main();
