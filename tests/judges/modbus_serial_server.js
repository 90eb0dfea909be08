// A Modbus TCP server by the npm package modbus-serial: "node modbus_serial_server.js UNIT FILE" on 127.0.0.1 and a free port.
// Each line of FILE is an address and a word; any other address is exception 2. Says "ready PORT" and serves until it is killed.
"use strict";

const fs = require("fs");
const net = require("net");
const ModbusRTU = require("modbus-serial");

const [unit, file] = process.argv.slice(2);
const words = new Map(
    fs.readFileSync(file, "ascii").trim().split("\n").map((line) => line.split(" ").map(Number))
);

function read(address, _unit, callback) {
    if (words.has(address)) callback(null, words.get(address));
    else callback({ modbusErrorCode: 2, msg: `no word ${address}` });
}

// The package takes no port of the system's choice, so one is asked for first.
const probe = net.createServer().listen(0, "127.0.0.1", () => {
    const { port } = probe.address();
    probe.close(() => {
        const vector = { getHoldingRegister: read, getInputRegister: read };
        const server = new ModbusRTU.ServerTCP(vector, { host: "127.0.0.1", port, unitID: Number(unit) });
        server.on("initialized", () => console.log(`ready ${port}`));
        server.on("socketError", () => {});
    });
});
