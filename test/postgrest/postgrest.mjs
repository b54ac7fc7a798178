// The client of PostgREST, as npm has it, on a gateway:
//
//   node postgrest.mjs URL sqlite|postgres
import { judge } from "./kit.mjs";
import { inserts, writes } from "./write.mjs";
import { reads } from "./read.mjs";
import { filters } from "./filter.mjs";
import { embeds } from "./embed.mjs";
import { mine } from "./mine.mjs";
import { sqlite } from "./sqlite.mjs";
import { postgres } from "./postgres.mjs";

const [url, store] = process.argv.slice(2);

await judge(url, [...inserts, ...reads, ...filters, ...embeds, ...mine, ...(store === "sqlite" ? sqlite : postgres), ...writes]);
