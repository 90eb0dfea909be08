/* A Modbus TCP client by libmodbus that reads as fast as it can: "PORT UNIT ADDRESS COUNT READS" on 127.0.0.1.
 * Prints the seconds that all reads took. */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static int fail(const char *what) {
    fprintf(stderr, "client: %s: %s\n", what, modbus_strerror(errno));
    return 1;
}

int main(int count, char **words) {
    uint16_t registers[MODBUS_MAX_READ_REGISTERS];
    if (count != 6) {
        fprintf(stderr, "usage: client PORT UNIT ADDRESS COUNT READS\n");
        return 2;
    }
    modbus_t *context = modbus_new_tcp("127.0.0.1", atoi(words[1]));
    int address = atoi(words[3]), length = atoi(words[4]), reads = atoi(words[5]);
    if (context == NULL || length > MODBUS_MAX_READ_REGISTERS) return fail("arguments");
    modbus_set_slave(context, atoi(words[2]));
    if (modbus_connect(context) != 0) return fail("connect");
    double began = now();
    for (int read = 0; read < reads; read++)
        if (modbus_read_registers(context, address, length, registers) != length) return fail("read");
    printf("%.6f\n", now() - began);
    modbus_close(context);
    modbus_free(context);
    return 0;
}
