// Calls a server through each of the targets of its command line, and prints what became of it.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	notificationsv1 "kieng.internal/protos/kieng/notifications/v1"
)

const calls = 10

func dial(target, token, serviceConfig string) error {
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(serviceConfig),
	}
	// Not a scheme of grpc-go: what a client with several fixed addresses has to write itself.
	if addresses, found := strings.CutPrefix(target, "manual:"); found {
		several := manual.NewBuilderWithScheme("several")
		state := resolver.State{}
		for _, address := range strings.Split(addresses, ",") {
			state.Addresses = append(state.Addresses, resolver.Address{Addr: address})
		}
		several.InitialState(state)
		options = append(options, grpc.WithResolvers(several))
		target = "several:///"
	}
	channel, err := grpc.NewClient(target, options...)
	if err != nil {
		return err
	}
	defer channel.Close()
	client := notificationsv1.NewNotificationServiceClient(channel)
	for range calls {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
		_, err := client.GetSubscription(ctx, &notificationsv1.GetSubscriptionRequest{})
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

func main() {
	serviceConfig, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	for _, target := range os.Args[3:] {
		if err := dial(target, os.Args[2], string(serviceConfig)); err != nil {
			fmt.Printf("%s\t%v\n", target, err)
		} else {
			fmt.Printf("%s\tOK\n", target)
		}
	}
}
