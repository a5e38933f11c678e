/* How the decoder's tables say what a parameter is made of. */
#ifndef SCAPPY_PROBE_DECODE_H
#define SCAPPY_PROBE_DECODE_H

#include "record.h"

enum probe_step_kind {
	STEP_NUMBER,
	STEP_WIDE, /* of two arguments, the second is the upper half */
	STEP_PIECE,
	STEP_EMPTY,
	STEP_ADDRESS,
	STEP_TUPLE,
	STEP_POLLED,
	STEP_TIME,
	STEP_OPEN_FLAGS,
	STEP_OPEN_MODE,
	STEP_LAYER,
	STEP_OPTION,
	STEP_OPTION_NAME,
	STEP_FULLNESS,
	STEP_TRACE_ADDRESS,
	STEP_TRACE_DATA,
	STEP_CONTROL_TEXT,
	STEP_CONTROL_NUMBER,
	STEP_SEMAPHORE_VALUE,
	STEP_CONFIG_BYTES,
	STEP_CONFIG_TEXT,
	STEP_QUOTA,
	STEP_QUOTA_PATH,
	STEP_QUOTA_FORMAT,
	STEP_QUOTA_ID,
	STEP_KEY,
	STEP_EXE,
	STEP_ARGUMENTS,
	STEP_GROUPS,
	STEP_PATH,
	STEP_TASK_NAME,
	STEP_EXE_FLAGS,
	STEP_CLONE_FLAGS,
	STEP_NAMESPACE_START,
	STEP_EXIT_STATUS,
	STEP_TASK_NUMBER,
	STEP_CALL_CODE,
	STEP_CALL_NUMBER,
};

enum probe_transform {
	TRANSFORM_NONE,
	TRANSFORM_SIGNED, /* of 32 bits */
	TRANSFORM_TABLE,
	TRANSFORM_DEVICE, /* from how the kernel numbers devices to how programs do */
	TRANSFORM_MOUNT,  /* without the magic number of old */
};

/* Where a number comes from, if not from the argument of that number. */
#define SOURCE_FIELD 7
#define SOURCE_FIXED 8

struct probe_step {
	uint8_t kind;
	uint8_t source;
	uint8_t piece;
	uint8_t width;
	uint16_t offset;
	uint8_t size;
	uint8_t transform;
	uint8_t when;
	uint8_t other;
	uint16_t table;
	uint32_t second;
	int64_t otherwise;
};

struct probe_row {
	uint64_t mask, value, result;
};

struct probe_table {
	uint32_t first, count, only_first, padding;
	uint64_t otherwise;
};

struct probe_recipe {
	uint16_t type;
	uint8_t known, steps;
	uint32_t first;
};

#endif
