// As careless.c, in Go: its own system calls, its own resolver, and goroutines that move between threads.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
)

func main() {
	connection, err := net.Dial("tcp", net.JoinHostPort(os.Args[1], os.Args[2]))
	if err != nil {
		fmt.Fprintf(os.Stderr, "connect: %v\n", err)
		return
	}
	reader := bufio.NewReader(connection)
	line, err := reader.ReadString('\n')
	fmt.Print(line)
	if err == nil {
		words, _ := io.ReadAll(os.Stdin)
		connection.Write(words)
		io.Copy(os.Stdout, reader)
	}
	fmt.Fprintln(os.Stderr, "read: end of stream")
}
