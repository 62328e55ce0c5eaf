/** The process itself: cores, memory, event loop, versions. */
import { EVERY, IN, OF_RECEIVER, type Row } from '../panel.ts'

export const PROCESS: Row = {
  title: 'Process',
  panels: [
    {
      kind: 'lines',
      title: 'Lanes, share of time busy',
      does: 'Each lane is a thread that parses and compresses. All near 100 %: senders wait or UDP is shed; more cores (lanes), or a second collector.',
      unit: 'percentunit',
      width: 8,
      max: 1,
      queries: [
        { expr: `sum by (instance, lane) (rate(sluice_lane_busy_seconds_total{${IN}}${EVERY}))`, legend: '{{instance}} lane {{lane}}' }
      ]
    },
    {
      kind: 'lines',
      title: 'Blocks on the way',
      does: 'Blocks of frames handed to lanes and not back yet, and their bound. At the bound senders that can wait do, and UDP is shed.',
      unit: 'short',
      width: 8,
      queries: [
        { expr: `max by (instance) (sluice_blocks_outstanding{${IN}})`, legend: '{{instance}}' },
        { expr: `max(sluice_blocks_max{${IN}})`, legend: 'bound' }
      ]
    },
    {
      kind: 'lines',
      title: 'CPU',
      does: 'Cores in use by all threads. Far above what the lanes are busy: look at compression level and TLS.',
      unit: 'short',
      width: 8,
      queries: [{ expr: `sum by (instance) (rate(process_cpu_seconds_total{${IN}}${EVERY}))`, legend: '{{instance}}' }]
    },
    {
      kind: 'lines',
      title: 'Memory',
      does: 'Resident memory is a sum of constants; it must be flat after the first minutes, whatever comes in. A climb over hours is a bug: please report it.',
      unit: 'bytes',
      width: 8,
      queries: [
        { expr: `max by (instance) (process_resident_memory_bytes{${IN}})`, legend: '{{instance}} resident' },
        { expr: `max by (instance) (nodejs_external_memory_bytes{${IN}})`, legend: '{{instance}} buffers' }
      ]
    },
    {
      kind: 'lines',
      title: 'Event loop lag',
      does: 'How late the receiving thread comes to its work. Above some 100 ms UDP is lost in the kernel: give it a core of its own, fewer lanes than cores.',
      unit: 's',
      width: 8,
      queries: [
        { expr: `max(nodejs_eventloop_lag_p50_seconds{${IN}})`, legend: 'half' },
        { expr: `max(nodejs_eventloop_lag_p99_seconds{${IN}})`, legend: '99 %' }
      ]
    },
    {
      kind: 'lines',
      title: 'Open files',
      does: 'Of those allowed: connections and segments. Near the bound connections are refused; raise the limit of the service (LimitNOFILE).',
      unit: 'short',
      width: 8,
      queries: [
        { expr: `max by (instance) (process_open_fds{${IN}})`, legend: '{{instance}}' },
        { expr: `min(process_max_fds{${IN}})`, legend: 'bound' }
      ]
    },
    {
      kind: 'stat',
      title: 'Runs for',
      does: 'Since the last start. Short, and nobody restarted it: docs/operations.md#sluicerestarting.',
      unit: 's',
      width: 5,
      queries: [{ expr: `time() - max by (instance) (sluice_start_timestamp_seconds{${IN}})`, legend: '{{instance}}' }]
    },
    {
      kind: 'stat',
      title: 'Lane restarts, last day',
      does: 'Lanes that ended unexpectedly. Each is a bug: the log says what happened (docs/operations.md#sluicelanerestarts).',
      unit: 'short',
      width: 5,
      queries: [{ expr: `sum(increase(sluice_lane_restarts_total{${IN}}[1d]))`, legend: 'restarts' }],
      steps: [
        [null, 'green'],
        [1, 'red']
      ]
    },
    {
      kind: 'stat',
      title: 'Configuration',
      does: 'Refused: the last reload found faults, the old configuration goes on. “sluice validate” lists them.',
      unit: 'short',
      width: 5,
      queries: [{ expr: `min(sluice_config_last_reload_successful{${IN}})`, legend: 'reload' }],
      words: { 0: ['refused', 'red'], 1: ['in effect', 'green'] }
    },
    {
      kind: 'stat',
      title: 'UDP is received by',
      does: 'recvmmsg: a thread of its own. node:dgram: the package koffi is not there or udp: dgram is set, so that a busy main thread loses datagrams sooner; the log says at the start why.',
      unit: 'short',
      width: 5,
      queries: [{ expr: `min by (receiver) (sluice_udp_native{${OF_RECEIVER}})`, legend: '{{receiver}}' }],
      words: { 0: ['node:dgram', 'yellow'], 1: ['recvmmsg', 'green'] }
    },
    {
      kind: 'stat',
      title: 'Instances by version',
      does: 'What runs. Two versions at once are an update under way, or one that was forgotten.',
      unit: 'short',
      width: 4,
      queries: [{ expr: `count by (version) (sluice_build_info{${IN}})`, legend: '{{version}}' }]
    }
  ]
}
