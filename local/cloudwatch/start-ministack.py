"""MiniStack, started with what alarms rest on put right; its command line and everything else are its own.

- It evaluates an alarm whenever any datapoint arrives, over all dimensions of a metric at once and without M of N: one
  message in any queue would raise the alarms of all queues. Here an alarm changes by SetAlarmState alone.
- It counts in AWS/Lambda what comes over the Invoke API, but nothing that a rule, a queue, a stream or a schedule
  invokes, and no failure of an asynchronous call; nor does a failure show in the function's log. Here every invocation
  counts once, with its outcome.
- A question for a metric without dimensions is answered from all dimensions at once. Here from the metric without any.
"""

import time

from ministack.app import main
from ministack.services import cloudwatch, lambda_svc


def replace(module, name, make):
    """Puts `make(the function so far)` in its place; ends the program if another version of MiniStack has none."""
    if not callable(getattr(module, name, None)):
        raise SystemExit(f"this MiniStack has no {module.__name__}.{name}, which the local stack corrects")
    setattr(module, name, make(getattr(module, name)))


def count(function_name, **metrics):
    for name, value in metrics.items():
        unit = "Milliseconds" if name == "Duration" else "Count"
        cloudwatch.record_metric("AWS/Lambda", name, value, unit, {"FunctionName": function_name})


def counted(execute):
    def execute_and_count(func, config, event, request_id, started):
        result = execute(func, config, event, request_id, started)
        if result.get("throttle"):
            count(config["FunctionName"], Throttles=1)
        else:
            errors = 1 if result.get("error") else 0
            duration = (time.time() - started) * 1000
            count(config["FunctionName"], Invocations=1, Errors=errors, Throttles=0, Duration=duration)
        return result

    return execute_and_count


def throttles_only(_emit):
    def emit(function_name, duration_ms, error, throttle):
        # It is told of a throttled call twice: where that is refused, without a duration, and at the end of Invoke.
        if throttle and not duration_ms:
            count(function_name, Throttles=1)

    return emit


class ExactDimensions(dict):
    """Asks for just these dimensions, even if there are none."""

    def __bool__(self):
        return True


replace(cloudwatch, "_evaluate_alarm", lambda _evaluate: lambda _alarm: None)
replace(lambda_svc, "_execute_function_dispatch", counted)
replace(lambda_svc, "_emit_lambda_metrics", throttles_only)
replace(cloudwatch, "_dims_from_list", lambda read: lambda dimensions: ExactDimensions(read(dimensions)))

if __name__ == "__main__":
    main()
