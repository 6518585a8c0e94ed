import com.google.gson.Gson;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import kieng.notifications.v1.GetSubscriptionRequest;
import kieng.notifications.v1.NotificationServiceGrpc;

/** Calls a server through each of the targets of its command line, and prints what became of it. */
public final class Dial {
  private static final int CALLS = 10;

  private Dial() {}

  @SuppressWarnings("unchecked")
  private static String dial(String target, Metadata metadata, String serviceConfig) {
    ManagedChannel channel = null;
    try {
      channel =
          ManagedChannelBuilder.forTarget(target)
              .usePlaintext()
              .defaultServiceConfig(new Gson().fromJson(serviceConfig, Map.class))
              .enableRetry()
              .build();
      var stub =
          NotificationServiceGrpc.newBlockingStub(channel)
              .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata));
      for (int number = 0; number < CALLS; number++) {
        stub.withDeadlineAfter(5, TimeUnit.SECONDS)
            .getSubscription(GetSubscriptionRequest.getDefaultInstance());
      }
      return "OK";
    } catch (RuntimeException error) {
      return error.toString().replace("\n", " ");
    } finally {
      if (channel != null) {
        channel.shutdownNow();
      }
    }
  }

  public static void main(String[] arguments) throws Exception {
    String serviceConfig = Files.readString(Path.of(arguments[0]));
    Metadata metadata = new Metadata();
    metadata.put(
        Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER),
        "Bearer " + arguments[1]);
    for (String target : Arrays.copyOfRange(arguments, 2, arguments.length)) {
      System.out.println(target + "\t" + dial(target, metadata, serviceConfig));
    }
  }
}
