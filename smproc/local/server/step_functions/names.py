"""Every name of moto that the engine uses, checked before use: moto's interpreter is no API.

Another release of moto fails at start, with the name in the message, and not in the middle of an execution. The names
are those that this package imports, replaces, or calls on objects of the interpreter.
"""

from __future__ import annotations

import importlib.metadata
import inspect
from typing import Final

from smproc.local.errors import UnsupportedMotoError
from smproc.local.server.patches.registry import Names, mismatches, takes
from smproc.local.server.step_functions.moto_package import PARSER

SUPPORTED: Final = "5.2.5"


def check() -> None:
    """Check that the installed moto has every name as expected.

    Raises:
        UnsupportedMotoError: a name is missing or different; the message names the first one.
    """
    for mismatch in mismatches(NAMES):
        raise UnsupportedMotoError(
            f"moto {importlib.metadata.version('moto')} does not have {mismatch.module}.{mismatch.name} as expected "
            f"({mismatch.problem}); this version of smproc supports {SUPPORTED}: pip install moto=={SUPPORTED}"
        )


def _exists(value: object) -> bool:
    return value is not None


NAMES: Final[Names] = {
    f"{PARSER}.api": {
        "ActivityDoesNotExist": inspect.isclass,
        "HistoryEventType": inspect.isclass,
        "HistoryEventType.EvaluationFailed": _exists,
    },
    f"{PARSER}.asl.antlr.runtime.ASLParser": {
        "ASLParser": inspect.isclass,
        "ASLParser.Query_language_declContext": _exists,
        "ASLParser.State_decl_bodyContext": _exists,
        "ASLParser.State_stmtContext": _exists,
        "ASLParser.Top_layer_stmtContext": _exists,
    },
    f"{PARSER}.asl.component.common.assign.assign_decl": {
        "AssignDecl": inspect.isclass,
    },
    f"{PARSER}.asl.component.common.catch.catch_outcome": {
        "CatchOutcome": inspect.isclass,
        "CatchOutcome.Caught": _exists,
    },
    f"{PARSER}.asl.component.common.error_name.custom_error_name": {
        "CustomErrorName": inspect.isclass,
        "CustomErrorName.__init__": takes("self", "error_name"),
    },
    f"{PARSER}.asl.component.common.error_name.error_equals_decl": {
        "ErrorEqualsDecl": inspect.isclass,
        "ErrorEqualsDecl._eval_body": takes("self", "env"),
    },
    f"{PARSER}.asl.component.common.error_name.error_name": {
        "ErrorName": inspect.isclass,
        "ErrorName.__init__": takes("self", "error_name"),
    },
    f"{PARSER}.asl.component.common.error_name.failure_event": {
        "FailureEvent": inspect.isclass,
        "FailureEvent.__init__": takes("self", "env", "error_name", "event_type", "event_details"),
        "FailureEventException": inspect.isclass,
        "FailureEventException.extract_error_cause_pair": takes("self"),
        "FailureEventException.get_evaluation_failed_event_details": takes("self"),
        "FailureEventException.get_execution_failed_event_details": takes("self"),
    },
    f"{PARSER}.asl.component.common.error_name.states_error_name": {
        "StatesErrorName": inspect.isclass,
        "StatesErrorName.from_name": _exists,
    },
    f"{PARSER}.asl.component.common.flow.start_at": {
        "StartAt": inspect.isclass,
    },
    f"{PARSER}.asl.component.common.path.items_path": {
        "ItemsPath": inspect.isclass,
        "ItemsPath._eval_body": takes("self", "env"),
    },
    f"{PARSER}.asl.component.common.path.result_path": {
        "ResultPath": inspect.isclass,
        "ResultPath._eval_body": takes("self", "env"),
    },
    f"{PARSER}.asl.component.common.query_language": {
        "QueryLanguage": inspect.isclass,
        "QueryLanguageMode": inspect.isclass,
        "QueryLanguageMode.JSONata": _exists,
    },
    f"{PARSER}.asl.component.common.retry.max_attempts_decl": {
        "MaxAttemptsOutcome": inspect.isclass,
        "MaxAttemptsOutcome.EXHAUSTED": _exists,
    },
    f"{PARSER}.asl.component.common.retry.retrier_decl": {
        "RetrierDecl": inspect.isclass,
        "RetrierDecl._eval_body": takes("self", "env"),
    },
    f"{PARSER}.asl.component.common.retry.retrier_outcome": {
        "RetrierOutcome": inspect.isclass,
        "RetrierOutcome.Executed": _exists,
        "RetrierOutcome.Failed": _exists,
        "RetrierOutcome.Skipped": _exists,
    },
    f"{PARSER}.asl.component.common.retry.retry_outcome": {
        "RetryOutcome": inspect.isclass,
        "RetryOutcome.CanRetry": _exists,
        "RetryOutcome.CannotRetry": _exists,
        "RetryOutcome.NoRetrier": _exists,
    },
    f"{PARSER}.asl.component.common.string.string_expression": {
        "StringIntrinsicFunction": inspect.isclass,
        "StringIntrinsicFunction._eval_body": takes("self", "env"),
        "StringJSONata": inspect.isclass,
        "StringJSONata._eval_body": takes("self", "env"),
        "StringJsonPath": inspect.isclass,
        "StringJsonPath._eval_body": takes("self", "env"),
        "StringVariableSample": inspect.isclass,
        "StringVariableSample._eval_body": takes("self", "env"),
    },
    f"{PARSER}.asl.component.eval_component": {
        "EvalComponent": inspect.isclass,
        "EvalComponent.heap_key": _exists,
    },
    f"{PARSER}.asl.component.intrinsic.argument.argument": {
        "ArgumentLiteral": inspect.isclass,
    },
    f"{PARSER}.asl.component.intrinsic.function.statesfunction.encoding_decoding.base_64_decode": {
        "Base64Decode": inspect.isclass,
        "Base64Decode._eval_body": takes("self", "env"),
    },
    f"{PARSER}.asl.component.intrinsic.function.statesfunction.encoding_decoding.base_64_encode": {
        "Base64Encode": inspect.isclass,
        "Base64Encode._eval_body": takes("self", "env"),
    },
    f"{PARSER}.asl.component.intrinsic.function.statesfunction.generic.string_format": {
        "StringFormat": inspect.isclass,
        "StringFormat._eval_body": takes("self", "env"),
        "StringFormat._to_str_repr": takes("value"),
    },
    f"{PARSER}.asl.component.intrinsic.function.statesfunction.json_manipulation.json_to_string": {
        "JsonToString": inspect.isclass,
        "JsonToString._eval_body": takes("self", "env"),
    },
    f"{PARSER}.asl.component.program.program": {
        "Program": inspect.isclass,
        "Program.__init__": takes(
            "self", "query_language", "start_at", "states", "timeout_seconds", "comment", "version"
        ),
        "Program._eval_body": takes("self", "env"),
        "Program.eval": takes("self", "env"),
    },
    f"{PARSER}.asl.component.state.choice.comparison.operator.implementations.string_operators": {
        "StringEqualsPath": inspect.isclass,
        "StringEqualsPath.eval": takes("env", "value"),
        "StringMatches": inspect.isclass,
        "StringMatches._compare": takes("variable", "comparison_value"),
    },
    f"{PARSER}.asl.component.state.choice.comparison.comparison_operator_type": {
        "ComparisonOperatorType": inspect.isclass,
        "ComparisonOperatorType.IsPresent": _exists,
    },
    f"{PARSER}.asl.component.state.choice.comparison.comparison_variable": {
        "ComparisonVariable": inspect.isclass,
        "ComparisonVariable._eval_body": takes("self", "env"),
    },
    f"{PARSER}.asl.component.state.choice.comparison.variable": {"NoSuchVariable": inspect.isclass},
    f"{PARSER}.asl.component.state.choice.comparison.operator.operator": {
        "Operator": inspect.isclass,
    },
    f"{PARSER}.asl.component.state.choice.state_choice": {
        "StateChoice": inspect.isclass,
        "StateChoice._eval_state": takes("self", "env"),
        "StateChoice._eval_state_output": takes("self", "env"),
    },
    f"{PARSER}.asl.component.state.fail.cause_decl": {
        "Cause": inspect.isclass,
        "Cause._eval_body": takes("self", "env"),
        "CausePath": inspect.isclass,
    },
    f"{PARSER}.asl.component.state.fail.error_decl": {
        "Error": inspect.isclass,
        "Error._eval_body": takes("self", "env"),
        "ErrorPath": inspect.isclass,
    },
    f"{PARSER}.asl.component.common.timeouts.timeout": {
        "TimeoutSeconds": inspect.isclass,
        "TimeoutSeconds.DEFAULT_TIMEOUT_SECONDS": lambda value: isinstance(value, int),
        "TimeoutSeconds.__init__": takes("self", "timeout_seconds", "is_default"),
    },
    f"{PARSER}.asl.component.state.exec.execute_state": {
        "ExecutionState": inspect.isclass,
        "ExecutionState._construct_error_output_value": takes("failure_event"),
        "ExecutionState._eval_state": takes("self", "env"),
        "ExecutionState._evaluate_with_timeout": takes("self", "env"),
        "ExecutionState._from_error": takes("self", "env", "ex"),
        "ExecutionState._handle_catch": takes("self", "env", "failure_event"),
        "ExecutionState._handle_retry": takes("self", "env", "failure_event"),
        "ExecutionState._handle_uncaught": takes("self", "env", "failure_event"),
    },
    f"{PARSER}.asl.component.state.exec.state_map.iteration.distributed_iteration_component": {
        "DistributedIterationComponent": inspect.isclass,
        "DistributedIterationComponent._eval_body": takes("self", "env"),
    },
    f"{PARSER}.asl.component.state.exec.state_map.iteration.iteration_component": {
        "IterationComponent": inspect.isclass,
        "IterationComponent._get_iteration_program": takes("self"),
    },
    f"{PARSER}.asl.component.state.exec.state_map.iteration.inline_iteration_component": {
        "InlineIterationComponent": inspect.isclass,
        "InlineIterationComponent._eval_body": takes("self", "env"),
    },
    f"{PARSER}.asl.component.state.exec.state_map.iteration.iteration_worker": {
        "IterationWorker": inspect.isclass,
        "IterationWorker._eval_job": takes("self", "env", "job"),
    },
    f"{PARSER}.asl.component.state.exec.state_map.iteration.job": {
        "Job": inspect.isclass,
    },
    f"{PARSER}.asl.component.state.exec.state_map.result_writer.result_writer_decl": {
        "ResultWriter": inspect.isclass,
        "ResultWriter._eval_body": takes("self", "env"),
    },
    f"{PARSER}.asl.component.state.exec.state_map.state_map": {
        "StateMap": inspect.isclass,
    },
    f"{PARSER}.asl.component.state.exec.state_parallel.branches_decl": {
        "BranchesDecl": inspect.isclass,
        "BranchesDecl._eval_body": takes("self", "env"),
    },
    f"{PARSER}.asl.component.state.exec.state_parallel.state_parallel": {
        "StateParallel": inspect.isclass,
    },
    f"{PARSER}.asl.component.state.exec.state_task.state_task_activitiy": {
        "StateTaskActivity": inspect.isclass,
        "StateTaskActivity._eval_execution": takes("self", "env"),
        "StateTaskActivity._eval_parameters": takes("self", "env"),
        "StateTaskActivity._evaluate_with_timeout": takes("self", "env"),
        "StateTaskActivity._from_error": takes("self", "env", "ex"),
    },
    f"{PARSER}.asl.component.state.exec.state_task.credentials": {
        "StateCredentials": inspect.isclass,
    },
    f"{PARSER}.asl.component.state.exec.state_task.service.resource": {
        "ResourceCondition": inspect.isclass,
        "ResourceCondition.Sync": _exists,
    },
    f"{PARSER}.asl.component.state.exec.state_task.service.state_task_service": {
        "StateTaskService": inspect.isclass,
        "StateTaskService._eval_service_task": takes(
            "self", "env", "resource_runtime_part", "normalised_parameters", "state_credentials"
        ),
        "StateTaskService._get_boto_service_action": takes("self", "service_action_name"),
        "StateTaskService._get_boto_service_name": takes("self", "boto_service_name"),
        "StateTaskService._get_sfn_resource": takes("self"),
        "StateTaskService._get_sfn_resource_type": takes("self"),
        "StateTaskService._normalise_parameters": takes(
            "self", "parameters", "boto_service_name", "service_action_name"
        ),
        "StateTaskService._normalise_response": takes("self", "response", "boto_service_name", "service_action_name"),
    },
    f"{PARSER}.asl.component.state.exec.state_task.service.state_task_service_aws_sdk": {
        "StateTaskServiceAwsSdk": inspect.isclass,
        "StateTaskServiceAwsSdk._eval_service_task": takes(
            "self", "env", "resource_runtime_part", "normalised_parameters", "state_credentials"
        ),
        "StateTaskServiceAwsSdk._from_error": takes("self", "env", "ex"),
        "StateTaskServiceAwsSdk._get_boto_service_name": takes("self", "boto_service_name"),
        "StateTaskServiceAwsSdk._validate_service_integration_is_supported": takes("self"),
    },
    f"{PARSER}.asl.component.state.exec.state_task.service.state_task_service_callback": {
        "StateTaskServiceCallback": inspect.isclass,
        "StateTaskServiceCallback._after_eval_execution": takes(
            "self", "env", "resource_runtime_part", "normalised_parameters", "state_credentials"
        ),
        "StateTaskServiceCallback._eval_integration_pattern": takes(
            "self", "env", "resource_runtime_part", "normalised_parameters", "state_credentials"
        ),
        "StateTaskServiceCallback._from_error": takes("self", "env", "ex"),
        "StateTaskServiceCallback._validate_service_integration_is_supported": takes("self"),
    },
    f"{PARSER}.asl.component.state.exec.state_task.service.state_task_service_dynamodb": {
        "StateTaskServiceDynamoDB": inspect.isclass,
        "StateTaskServiceDynamoDB._eval_service_task": takes(
            "self", "env", "resource_runtime_part", "normalised_parameters", "state_credentials"
        ),
        "StateTaskServiceDynamoDB._from_error": takes("self", "env", "ex"),
    },
    f"{PARSER}.asl.component.state.exec.state_task.service.state_task_service_events": {
        "StateTaskServiceEvents": inspect.isclass,
        "StateTaskServiceEvents._eval_service_task": takes(
            "self", "env", "resource_runtime_part", "normalised_parameters", "state_credentials"
        ),
    },
    f"{PARSER}.asl.component.state.exec.state_task.service.state_task_service_factory": {
        "state_task_service_for": takes("service_name"),
    },
    f"{PARSER}.asl.component.state.exec.state_task.service.state_task_service_lambda": {
        "StateTaskServiceLambda": inspect.isclass,
        "StateTaskServiceLambda._eval_service_task": takes(
            "self", "env", "resource_runtime_part", "normalised_parameters", "state_credentials"
        ),
    },
    f"{PARSER}.asl.component.state.exec.state_task.service.state_task_service_sfn": {
        "StateTaskServiceSfn": inspect.isclass,
        "StateTaskServiceSfn._eval_integration_pattern": takes(
            "self", "env", "resource_runtime_part", "normalised_parameters", "state_credentials"
        ),
        "StateTaskServiceSfn._eval_service_task": takes(
            "self", "env", "resource_runtime_part", "normalised_parameters", "state_credentials"
        ),
    },
    f"{PARSER}.asl.component.state.exec.state_task.service.state_task_service_sns": {
        "StateTaskServiceSns": inspect.isclass,
        "StateTaskServiceSns._eval_service_task": takes(
            "self", "env", "resource_runtime_part", "normalised_parameters", "state_credentials"
        ),
    },
    f"{PARSER}.asl.component.state.exec.state_task.service.state_task_service_sqs": {
        "StateTaskServiceSqs": inspect.isclass,
        "StateTaskServiceSqs._eval_service_task": takes(
            "self", "env", "resource_runtime_part", "normalised_parameters", "state_credentials"
        ),
    },
    f"{PARSER}.asl.component.state.exec.state_task.state_task_factory": {
        "state_task_service_for": takes("service_name"),
    },
    f"{PARSER}.asl.component.state.state": {
        "CommonStateField": inspect.isclass,
        "CommonStateField._eval_body": takes("self", "env"),
        "StateData": _exists,
    },
    f"{PARSER}.asl.component.state.state_pass.state_pass": {
        "StatePass": inspect.isclass,
    },
    f"{PARSER}.asl.component.state.wait.wait_function.seconds": {
        "SecondsJSONata": inspect.isclass,
        "SecondsJSONata._get_wait_seconds": takes("self", "env"),
    },
    f"{PARSER}.asl.component.state.wait.wait_function.timestamp": {
        "Timestamp": inspect.isclass,
        "Timestamp._create_failure_event": takes("self", "env", "timestamp_str"),
        "Timestamp._from_timestamp_string": takes("timestamp"),
        "Timestamp._get_wait_seconds": takes("self", "env"),
    },
    f"{PARSER}.asl.component.state.wait.wait_function.wait_function": {
        "WaitFunction": inspect.isclass,
        "WaitFunction._eval_body": takes("self", "env"),
        "WaitFunction._get_wait_seconds": takes("self", "env"),
    },
    f"{PARSER}.asl.eval.callback.callback": {
        "ActivityCallbackEndpoint": inspect.isclass,
        "ActivityCallbackEndpoint.get_activity_task_start_endpoint": takes("self"),
        "ActivityCallbackEndpoint.notify_activity_task_start": takes("self", "worker_name"),
        "ActivityTaskStartEndpoint": inspect.isclass,
        "ActivityTaskStartEndpoint.wait": takes("self", "timeout_seconds"),
        "CallbackEndpoint": inspect.isclass,
        "CallbackEndpoint.get_outcome": takes("self"),
        "CallbackEndpoint.report": takes("self", "consumer_error"),
        "CallbackEndpoint.setup_heartbeat_endpoint": takes("self", "heartbeat_seconds"),
        "CallbackEndpoint.wait": takes("self", "timeout"),
        "CallbackNotifyConsumerError": inspect.isclass,
        "CallbackOutcomeFailure": inspect.isclass,
        "CallbackOutcomeFailureError": inspect.isclass,
        "CallbackOutcomeSuccess": inspect.isclass,
        "CallbackPoolManager": inspect.isclass,
        "CallbackPoolManager.add_activity_task": takes("self", "callback_id", "activity_arn", "activity_input"),
        "CallbackPoolManager.get": takes("self", "callback_id"),
        "CallbackPoolManager.heartbeat": takes("self", "callback_id"),
        "CallbackPoolManager.notify": takes("self", "callback_id", "outcome"),
        "CallbackTimeoutError": inspect.isclass,
        "HeartbeatEndpoint": inspect.isclass,
        "HeartbeatEndpoint.clear_and_wait": takes("self"),
        "HeartbeatTimeoutError": inspect.isclass,
    },
    f"{PARSER}.asl.eval.environment": {
        "Environment": inspect.isclass,
        "Environment.__init__": takes(
            "self",
            "aws_execution_details",
            "execution_type",
            "context",
            "event_history_context",
            "cloud_watch_logging_session",
            "activity_store",
            "variable_store",
            "mock_test_case",
        ),
        "Environment.close_frame": takes("self", "frame"),
        "Environment.delete_frame": takes("self", "frame"),
        "Environment.is_frame": takes("self"),
        "Environment.is_running": takes("self"),
        "Environment.open_frame": takes("self", "event_history_context"),
        "Environment.program_state": takes("self"),
        "Environment.set_ended": takes("self"),
        "Environment.set_stop": takes("self", "stop_date", "cause", "error"),
        "Environment.set_timed_out": takes("self"),
    },
    f"{PARSER}.asl.eval.evaluation_details": {
        "AWSExecutionDetails": inspect.isclass,
    },
    f"{PARSER}.asl.eval.event.event_manager": {
        "EventHistoryContext": inspect.isclass,
        "EventHistoryContext.of_program_start": takes("cls"),
        "EventManager": inspect.isclass,
        "EventManager.__init__": takes("self", "cloud_watch_logging_session"),
        "EventManager._publish_history_event": takes(
            "self", "event_id", "source_event_id", "event_type", "timestamp", "event_details"
        ),
        "EventManager.add_event": takes(
            "self", "context", "event_type", "event_details", "timestamp", "update_source_event_id"
        ),
    },
    f"{PARSER}.asl.eval.program_state": {
        "ProgramEnded": inspect.isclass,
        "ProgramTimedOut": inspect.isclass,
    },
    f"{PARSER}.asl.eval.states": {
        "ContextObjectData": inspect.isclass,
        "ExecutionData": inspect.isclass,
        "StateData": inspect.isclass,
        "StateMachineData": inspect.isclass,
        "States": inspect.isclass,
        "States.get_input": takes("self", "query"),
        "States.reset": takes("self", "input_value"),
        "States.set_error_output": takes("self", "error_output"),
        "States.set_result": takes("self", "result"),
    },
    f"{PARSER}.asl.eval.variable_store": {
        "VariableStore": inspect.isclass,
        "VariableStore.get": takes("self", "variable_identifier"),
        "VariableStore.reset_tracing": takes("self"),
        "VariableStore.set": takes("self", "variable_identifier", "variable_value"),
    },
    f"{PARSER}.asl.parse.asl_parser": {
        "AmazonStateLanguageParser": inspect.isclass,
        "AmazonStateLanguageParser.parse": takes("definition"),
    },
    f"{PARSER}.asl.parse.intrinsic.intrinsic_parser": {
        "IntrinsicParser": inspect.isclass,
        "IntrinsicParser.parse": takes("src"),
    },
    f"{PARSER}.asl.parse.intrinsic.preprocessor": {
        "Preprocessor": inspect.isclass,
        "Preprocessor._text_of_str": takes("parse_tree"),
        "Preprocessor.visitFunc_arg_float": takes("self", "ctx"),
    },
    f"{PARSER}.asl.parse.preprocessor": {
        "Preprocessor": inspect.isclass,
        "Preprocessor.__init__": _exists,
        "Preprocessor._close_query_language_scope": takes("self"),
        "Preprocessor._inner_string_of": takes("parser_rule_context"),
        "Preprocessor._open_query_language_scope": takes("self", "parse_tree"),
        "Preprocessor.visitChoice_rule_comparison_variable": takes("self", "ctx"),
        "Preprocessor.visitString_intrinsic_function": takes("self", "ctx"),
        "from_string_literal": takes("parser_rule_context"),
    },
    f"{PARSER}.asl.utils.encoding": {
        "to_json_str": takes("obj", "separators"),
    },
    f"{PARSER}.asl.utils.json_path": {
        "NoSuchJsonPathError": inspect.isclass,
    },
    f"{PARSER}.utils": {
        "camel_to_snake_case": takes("string"),
        "snake_to_camel_case": takes("string", "capitalize_first"),
    },
}
