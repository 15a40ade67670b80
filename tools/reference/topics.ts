// The tables of topics in docs/mqtt.md, from the list that the program itself makes its topics and subscriptions of.

import { type TopicRow, topicMap, topicsOf } from "../../src/adapters/mqtt/topics.ts";
import { code, table } from "./markdown.ts";

/** The usual base. */
const base = "lastout";

export const publishedTable = (): string =>
  table(
    ["topic", "retained", "QoS", "payload"],
    [
      ...topicMap
        .filter(({ direction }) => direction !== "requested")
        .map(({ topic, retained, qos, payload }) => [
          nameOf({ topic }),
          retained ? "yes" : "no",
          String(qos),
          payload,
        ]),
      [
        code(`${topicsOf(base).replyPrefix}/...`),
        "no",
        "1",
        "the reply to a request, on the topic that the request names (section 4.2)",
      ],
    ],
  );

export const requestTable = (): string =>
  table(
    ["topic", "plain payload", "does"],
    requests
      .filter(({ topic }) => !isOfUser(topic))
      .map(({ topic, payload, does }) => [nameOf({ topic }), payload, does]),
  );

export const userTopics = (): string =>
  requests
    .filter(({ topic }) => isOfUser(topic))
    .map(nameOf)
    .join(", ");

const requests = topicMap.filter(({ direction }) => direction === "requested");

const isOfUser = (topic: string): boolean => topic.endsWith("/<u>");

const nameOf = ({ topic }: Pick<TopicRow, "topic">): string => code(`${base}/${topic}`);
