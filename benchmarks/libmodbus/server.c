/* A Modbus server by libmodbus that answers for one unit with words from a file: "tcp PORT UNIT FILE" on 127.0.0.1, PORT 0 takes a
 * free one, or "rtu DEVICE UNIT FILE". Each line of FILE is an address and a word. Says "ready PORT" and serves until it is killed. */
#include <arpa/inet.h>
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WORDS = 0x10000 };

static int fail(const char *what) {
    fprintf(stderr, "server: %s: %s\n", what, modbus_strerror(errno));
    return 1;
}

static int load(modbus_mapping_t *mapping, const char *path) {
    unsigned address, word;
    FILE *file = fopen(path, "r");
    if (file == NULL) return -1;
    while (fscanf(file, "%u %u", &address, &word) == 2) {
        mapping->tab_registers[address % WORDS] = (uint16_t)word;
        mapping->tab_input_registers[address % WORDS] = (uint16_t)word;
    }
    fclose(file);
    return 0;
}

static void serve(modbus_t *context, modbus_mapping_t *mapping) {
    uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
    int length;
    while ((length = modbus_receive(context, request)) >= 0)
        if (length > 0) modbus_reply(context, request, length, mapping);
}

static int listen_on(modbus_t *context) {
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int listener = modbus_tcp_listen(context, 8);
    if (listener >= 0 && getsockname(listener, (struct sockaddr *)&address, &size) == 0) {
        printf("ready %d\n", ntohs(address.sin_port));
        fflush(stdout);
    }
    return listener;
}

int main(int count, char **words) {
    if (count != 5) {
        fprintf(stderr, "usage: server tcp PORT UNIT FILE | rtu DEVICE UNIT FILE\n");
        return 2;
    }
    int is_tcp = strcmp(words[1], "tcp") == 0;
    modbus_t *context =
        is_tcp ? modbus_new_tcp("127.0.0.1", atoi(words[2])) : modbus_new_rtu(words[2], 19200, 'N', 8, 1);
    modbus_mapping_t *mapping = modbus_mapping_new(0, 0, WORDS, WORDS);
    if (context == NULL || mapping == NULL) return fail("no context");
    if (load(mapping, words[4]) != 0) return fail(words[4]);
    modbus_set_slave(context, atoi(words[3]));
    if (!is_tcp) {
        if (modbus_connect(context) != 0) return fail(words[2]);
        printf("ready 0\n");
        fflush(stdout);
        for (;;) serve(context, mapping);
    }
    int listener = listen_on(context);
    if (listener < 0) return fail("listen");
    while (modbus_tcp_accept(context, &listener) >= 0) serve(context, mapping);
    return fail("accept");
}
