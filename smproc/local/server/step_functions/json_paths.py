from moto.stepfunctions.parser.asl.utils.json_path import extract_json as extract
