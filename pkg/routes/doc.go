// Package routes finds the route that a request is for. A route is a number here: its
// place in the list given to Build. What it runs is the caller's affair.
//
// # Which route wins
//
// Of all declared routes that match a request, the most specific one answers, whatever
// their order in the file. It is found by comparing, in this order:
//
//  1. the host: an exact name, then `*.example.com` and `{tenant}.example.com` (fewer
//     open labels first), then routes without a host;
//  2. the path, segment by segment from the left: a static segment, then `:name`, then
//     `*rest`; a path that ends where another goes on with an empty `*rest` is first;
//  3. the method: the one written, then GET for a HEAD request, then `any`.
//
// "Match" includes the method, on each level: where an exact host has only POST /x, a
// GET /x goes to the wildcard host or to the routes without one; where /posts/new is
// declared for GET only, DELETE /posts/new is answered by DELETE /posts/:id. A path is
// 405 only where no route of any of these levels takes the method.
//
// A path with one slash too many is redirected to the route that would answer without it,
// which is as specific as that route: beside `*rest` at the root, /posts/ goes to /posts.
// Where `*rest` stands at that very place it takes the path, as the empty rest.
//
// # How it is looked up
//
// Pieces of a path without parameters are keys in httprouter's radix trees, or compared one
// by one where a place has few of them; between two such places stands a parameter. So
// httprouter never sees a wildcard: it cannot refuse a pattern, makes no list of parameters
// for each request, and a parameter beside thousands of static segments costs one more
// look-up. Paths are looked up escaped.
package routes
