// The module that inline code of a custom resource answers CloudFormation with; its interface is that of AWS's own.
// See: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-lambda-function-code-cfnresponsemodule.html
"use strict";
const https = require("node:https");

exports.SUCCESS = "SUCCESS";
exports.FAILED = "FAILED";
exports.send = (event, context, responseStatus, responseData, physicalResourceId, noEcho) =>
  new Promise((resolve, reject) => {
    const body = JSON.stringify({
      Status: responseStatus,
      Reason: `See the details in CloudWatch Log Stream: ${context.logStreamName}`,
      PhysicalResourceId: physicalResourceId || context.logStreamName,
      StackId: event.StackId,
      RequestId: event.RequestId,
      LogicalResourceId: event.LogicalResourceId,
      NoEcho: noEcho || false,
      Data: responseData,
    });
    const headers = { "content-type": "", "content-length": Buffer.byteLength(body) };
    const request = https.request(new URL(event.ResponseURL), { method: "PUT", headers }, (response) => {
      response.resume();
      response.on("end", () => {
        resolve(context.done());
      });
    });
    request.on("error", (error) => reject(context.done(error)));
    request.end(body);
  });
