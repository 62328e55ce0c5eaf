/*
 * The bench's sender: repeats a buffer of lines over TCP connections or as UDP datagrams, cheaply enough to be no bottleneck.
 *
 *   load tcp HOST PORT BYTES CONNECTIONS [RATE [SENDERS]] < lines
 *                                                        prints bytes sent and seconds; SENDERS: addresses that connect
 *   load udp HOST PORT COUNT RATE < lines               RATE datagrams a second, prints datagrams sent and seconds; fastest
 *                                                        when all lines have one length
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define PIECE_MAX 262144
#define PIECE_MIN 4096

static char *data;
static size_t size;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void fail(const char *what) {
  fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void read_input(void) {
  size_t room = 1 << 20;
  data = malloc(room);
  for (ssize_t got; (got = read(0, data + size, room - size)) > 0;) {
    size += (size_t)got;
    if (size == room) data = realloc(data, room *= 2);
  }
  if (size == 0) fail("no input");
}

/* Connects from 127.0.0.1, or from the address of a sender: 127.0.1.1 and so on. */
static int open_socket(int type, const char *host, int port, int sender) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (inet_pton(AF_INET, host, &to.sin_addr) != 1) fail("address");
  int s = socket(AF_INET, type, 0);
  if (s < 0) fail("socket");
  if (sender > 0) {
    struct sockaddr_in from = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(0x7f000100u + (unsigned)sender + (unsigned)(sender - 1) / 250 * 6);
    if (bind(s, (struct sockaddr *)&from, sizeof from) < 0) fail("bind");
  }
  if (connect(s, (struct sockaddr *)&to, sizeof to) < 0) fail("connect");
  return s;
}

static void wait_until(double due) {
  double wait = due - now();
  if (wait <= 0) return;
  struct timespec pause = {(time_t)wait, (long)((wait - (double)(time_t)wait) * 1e9)};
  nanosleep(&pause, NULL);
}

/* Connections take turns, each with a piece of whole lines. RATE in bytes a second, 0 for as fast as it goes. */
static void tcp(const char *host, int port, double bytes, int connections, double rate, int senders) {
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  int *sockets = malloc(sizeof(int) * (size_t)connections);
  for (int i = 0; i < connections; i++) sockets[i] = open_socket(SOCK_STREAM, host, port, senders > 0 ? 1 + i % senders : 0);
  size_t piece = (size_t)(bytes / connections);
  if (piece > PIECE_MAX) piece = PIECE_MAX;
  if (piece < PIECE_MIN) piece = PIECE_MIN;
  double began = now(), sent = 0;
  size_t at = 0;
  for (int i = 0; sent < bytes; i = (i + 1) % connections) {
    size_t end = at + piece < size ? at + piece : size;
    while (data[end - 1] != '\n') end--;
    sent += (double)(end - at);
    while (at < end) {
      ssize_t n = write(sockets[i], data + at, end - at);
      if (n < 0) fail("write");
      at += (size_t)n;
    }
    if (at == size) at = 0;
    if (rate > 0) wait_until(began + sent / rate);
  }
  for (int i = 0; i < connections; i++) {
    shutdown(sockets[i], SHUT_WR);
    char rest[64];
    while (read(sockets[i], rest, sizeof rest) > 0) {}
    close(sockets[i]);
  }
  printf("%.0f %.6f\n", sent, now() - began);
}

/* Length that all lines have, or 0 when they differ. */
static size_t line_length(void) {
  char *end = memchr(data, '\n', size);
  if (end == NULL) return size;
  size_t length = (size_t)(end - data);
  if (size % (length + 1) != 0) return 0;
  for (size_t at = length; at < size; at += length + 1)
    if (data[at] != '\n') return 0;
  return length;
}

/*
 * Datagrams of one length go through the stack as one packet that the kernel cuts up at the receiving socket (UDP_SEGMENT): about
 * a quarter of the cost, without which one core sends 190,000 a second at most. The receiver sees no difference.
 */
static void udp(const char *host, int port, long count, double rate) {
  int s = open_socket(SOCK_DGRAM, host, port, 0);
  int length = (int)line_length();
  if (length == 0 || setsockopt(s, SOL_UDP, UDP_SEGMENT, &length, sizeof length) < 0) length = 0;
  setpriority(PRIO_PROCESS, 0, -10); /* a firewall does not wait for the collector's CPU; without the right it has to here */
  struct mmsghdr messages[BATCH];
  struct iovec parts[BATCH];
  memset(messages, 0, sizeof messages);
  int burst = rate / 1000 < 1 ? 1 : rate / 1000 > BATCH ? BATCH : (int)(rate / 1000); /* a millisecond's worth */
  size_t at = 0;
  long sent = 0;
  double began = now();
  while (sent < count) {
    int batch = count - sent < burst ? (int)(count - sent) : burst;
    for (int i = 0; i < batch; i++) {
      char *end = memchr(data + at, '\n', size - at);
      parts[i].iov_base = data + at;
      parts[i].iov_len = end ? (size_t)(end - data) - at : size - at;
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = length ? (size_t)batch : 1;
      at += parts[i].iov_len + 1;
      if (at >= size) at = 0;
    }
    int calls = length ? 1 : batch;
    for (int done = 0; done < calls;) {
      int n = sendmmsg(s, messages + done, (unsigned)(calls - done), 0);
      if (n < 0 && errno != ECONNREFUSED && errno != ENOBUFS) fail("sendmmsg");
      if (n > 0) done += n;
    }
    sent += batch;
    wait_until(began + sent / rate);
  }
  printf("%ld %.6f\n", sent, now() - began);
}

int main(int argc, char **argv) {
  if (argc >= 6) {
    read_input();
    if (strcmp(argv[1], "udp") == 0) udp(argv[2], atoi(argv[3]), atol(argv[4]), atof(argv[5]));
    else tcp(argv[2], atoi(argv[3]), atof(argv[4]), atoi(argv[5]), argc > 6 ? atof(argv[6]) : 0, argc > 7 ? atoi(argv[7]) : 0);
    return 0;
  }
  fprintf(stderr, "usage: load tcp HOST PORT BYTES CONNECTIONS [RATE [SENDERS]] | load udp HOST PORT COUNT RATE\n");
  return 2;
}
