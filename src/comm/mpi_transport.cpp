#include "autosampling/comm/transport.hpp"

#include "autosampling/base/hash.hpp"
#include "autosampling/base/narrow.hpp"
#include "mpi_average.hpp"
#include "node_rings.hpp"
#include "shares.hpp"
#include "tree.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

namespace autosampling {
namespace {

constexpr const char* operation = "exchange";
constexpr std::size_t piece_length = NodeRings::piece_length; // so that a state flows through its tree
constexpr int first_tag = 1;                                  // below it are the communicator's own

// A rank's neighbours in the binomial tree over (source, takers...).
struct TreePlace {
    int parent = -1;           // -1 at the source
    std::vector<int> children; // the largest subtree first
};

TreePlace tree_place(const Delivery& delivery, std::size_t place) {
    const std::size_t size = places(delivery);
    TreePlace tree;
    if (place != 0) tree.parent = rank_at(delivery, place & (place - 1));
    // The children of a place are those that have one more bit set, below its lowest.
    const std::size_t lowest_bit = place == 0 ? size : place & (0 - place);
    for (std::size_t bit = 1; bit < lowest_bit && place + bit < size; bit *= 2)
        tree.children.insert(tree.children.begin(), rank_at(delivery, place + bit));
    return tree;
}

// Throws the error that MPI_Testsome returned, or the first that it left in a status.
void check_statuses(int code, std::span<const MPI_Status> statuses, const char* call) {
    int error_class = MPI_SUCCESS;
    MPI_Error_class(code, &error_class);
    if (error_class != MPI_ERR_IN_STATUS) check_mpi(code, call);
    for (const MPI_Status& status : statuses) check_mpi(status.MPI_ERROR, call);
}

// The part of this rank's node in a delivery.
struct NodePart {
    std::size_t ring = 0;
    std::vector<int> readers{}; // the ranks of the node, by their numbers there, that this one serves
};

// A state that this rank holds or takes, and sends on.
struct Passage {
    std::span<const float> state;
    TreePlace tree;
    int tag;
    NodePart mates;
    std::vector<bool> arrived{};   // by piece
    std::size_t pieces_passed = 0; // to the children, in order, since equal tags are told apart by their order alone
    std::size_t pieces_put = 0;    // into the ring

    std::span<const float> piece(std::size_t number) const { return piece_of(state, number, piece_length); }
    bool in_ring() const { return mates.readers.empty() || pieces_put == arrived.size(); }
};

// A state that this rank takes from another one of its node.
struct Reading {
    std::span<float> destination;
    std::size_t ring;
    std::size_t pieces_taken = 0;

    bool over() const { return pieces_taken == pieces_of(destination.size(), piece_length); }
};

// What a message that is received brings.
struct Arrival {
    std::size_t passage;
    std::size_t piece;
};

// What one exchange takes of one rank.
class Exchange {
  public:
    Exchange(MPI_Comm comm, NodeRings& rings) : comm_(comm), rings_(rings) {}

    void serve(std::span<const float> state, TreePlace tree, int tag, NodePart mates) {
        Passage& passage = passages_.emplace_back(Passage{state, std::move(tree), tag, std::move(mates)});
        passage.arrived.assign(pieces_of(state.size(), piece_length), true);
        pass_on(passage);
        (void)put(passage);
    }

    void take(std::span<float> destination, TreePlace tree, int tag, NodePart mates) {
        Passage& passage = passages_.emplace_back(Passage{destination, std::move(tree), tag, std::move(mates)});
        passage.arrived.assign(pieces_of(destination.size(), piece_length), false);
        for (std::size_t piece = 0; piece < passage.arrived.size(); ++piece) {
            const std::span<float> part = piece_of(destination, piece, piece_length);
            MPI_Request request = MPI_REQUEST_NULL;
            check_mpi(
                MPI_Irecv(part.data(), mpi_count(part.size()), MPI_FLOAT, passage.tree.parent, tag, comm_, &request),
                "MPI_Irecv");
            add(request, Arrival{passages_.size() - 1, piece});
        }
    }

    void read(std::span<float> destination, std::size_t ring) { readings_.push_back({destination, ring}); }

    // Passes on what has arrived; whether anything has, or was sent, or all is over. Local.
    bool advance() {
        bool moved = receive_some();
        for (Passage& passage : passages_) moved |= put(passage);
        for (Reading& reading : readings_) moved |= take_from_ring(reading);
        return moved || over();
    }
    bool over() const {
        return messages_over_ && std::ranges::all_of(passages_, &Passage::in_ring) &&
               std::ranges::all_of(readings_, &Reading::over);
    }

  private:
    bool receive_some() {
        if (messages_over_) return false;
        std::vector<int> places(requests_.size());
        std::vector<MPI_Status> statuses(requests_.size());
        int count = 0;
        const int code =
            MPI_Testsome(mpi_count(requests_.size()), requests_.data(), &count, places.data(), statuses.data());
        messages_over_ = count == MPI_UNDEFINED; // all requests are null
        const auto done = std::span(statuses).first(messages_over_ ? 0 : to_size(count));
        if (code != MPI_SUCCESS) check_statuses(code, done, operation);
        for (std::size_t i = 0; i < done.size(); ++i)
            if (const auto arrival = arrivals_[to_size(places[i])]) receive(*arrival, done[i]);
        return messages_over_ || count != 0;
    }

    void receive(const Arrival& arrival, const MPI_Status& status) {
        Passage& passage = passages_[arrival.passage];
        const std::size_t expected = passage.piece(arrival.piece).size();
        int length = 0;
        check_mpi(MPI_Get_count(&status, MPI_FLOAT, &length), "MPI_Get_count");
        VALIDATE(length == mpi_count(expected), ExitCode::failure, "rank ", status.MPI_SOURCE, " sent ", length,
                 " values of a state where ", expected,
                 " were expected (the states differ in length): run one build of the program on all ranks");
        passage.arrived[arrival.piece] = true;
        pass_on(passage);
    }

    // Sends the children what has arrived and follows what they have been sent.
    void pass_on(Passage& passage) {
        for (std::size_t& next = passage.pieces_passed; next < passage.arrived.size() && passage.arrived[next];
             ++next) {
            const std::span<const float> piece = passage.piece(next);
            for (const int child : passage.tree.children) {
                MPI_Request request = MPI_REQUEST_NULL;
                check_mpi(
                    MPI_Isend(piece.data(), mpi_count(piece.size()), MPI_FLOAT, child, passage.tag, comm_, &request),
                    "MPI_Isend");
                add(request, std::nullopt);
            }
        }
    }

    // Gives the ranks of the node what has arrived, so far as their ring has room; whether it gave any.
    bool put(Passage& passage) {
        std::size_t& next = passage.pieces_put;
        const std::size_t before = next;
        while (!passage.in_ring() && passage.arrived[next] &&
               rings_.put(passage.mates.ring, passage.state, next, passage.mates.readers))
            ++next;
        return next != before;
    }

    bool take_from_ring(Reading& reading) {
        const std::size_t before = reading.pieces_taken;
        while (!reading.over() && rings_.take(reading.ring, reading.destination, reading.pieces_taken))
            ++reading.pieces_taken;
        return reading.pieces_taken != before;
    }

    void add(MPI_Request request, std::optional<Arrival> arrival) {
        requests_.push_back(request);
        arrivals_.push_back(arrival);
        messages_over_ = false;
    }

    MPI_Comm comm_;
    NodeRings& rings_;
    std::vector<Passage> passages_;
    std::vector<Reading> readings_;
    std::vector<MPI_Request> requests_;
    std::vector<std::optional<Arrival>> arrivals_; // by request; none: a message that was sent
    bool messages_over_ = true;
};

class MpiTransport : public Transport {
  public:
    MpiTransport(const Communicator& comm, const Communicator& node) : comm_(comm), rings_(node) {
        int found = 0;
        int* limit = nullptr;
        check_mpi(MPI_Comm_get_attr(comm.raw(), MPI_TAG_UB, &limit, &found), "MPI_Comm_get_attr");
        if (found != 0) largest_tag_ = *limit;
        int place[]{comm.rank(), node.rank()};
        node.broadcast(std::span(place).first(1), 0);
        if (!rings_.exist()) place[0] = comm.rank();
        const std::vector<int> all = comm.all_gather(std::span<const int>(place));
        for (std::size_t i = 0; i < all.size(); i += 2) {
            node_.push_back(all[i]);
            number_in_node_.push_back(all[i + 1]);
        }
    }

    std::string name() const override { return "mpi"; }
    bool on_device() const override { return false; }

    void exchange(std::span<const Delivery> deliveries) override {
        VALIDATE(deliveries.size() <= to_size(largest_tag_ - first_tag), ExitCode::failure, deliveries.size(),
                 " states cannot be exchanged at once (this MPI has only ", largest_tag_,
                 " tags): let fewer members survive");
        EXPECT(!under_way_ && all_ranks_pass(deliveries));
        rings_.begin(std::min(deliveries.size(), NodeRings::most));
        Exchange& exchange = under_way_.emplace(comm_.raw(), rings_);
        for (std::size_t number = 0; number < deliveries.size(); ++number) {
            const Delivery& delivery = deliveries[number];
            EXPECT(std::is_sorted(delivery.takers.begin(), delivery.takers.end()));
            EXPECT(!std::binary_search(delivery.takers.begin(), delivery.takers.end(), delivery.source));
            if (place_of(delivery, comm_.rank())) take_part(exchange, delivery, number);
        }
    }

    void complete() override {
        if (!under_way_) return;
        while (!under_way_->over()) // the time-out is for each step
            comm_.wait_until([this] { return under_way_->advance(); }, operation);
        under_way_.reset();
        rings_.end();
    }

    void average(std::span<const std::span<const float>> mine, std::span<const int> given,
                 std::span<float> result) override {
        EXPECT(!under_way_);
        EXPECT(std::ssize(given) == comm_.size() && std::ssize(mine) == given[to_size(comm_.rank())]);
        EXPECT(std::all_of(mine.begin(), mine.end(), [&](auto state) { return state.size() == result.size(); }));
        average_by_messages(comm_, mine, given, result);
    }

  private:
    // By one of its ranks a node takes a state from others, or has it; by a ring that one gives it to the node's
    // others.
    void take_part(Exchange& exchange, const Delivery& delivery, std::size_t number) const {
        const auto node_of = [&](int rank) { return number < NodeRings::most ? node_[to_size(rank)] : rank; };
        const int mine = node_of(comm_.rank());
        Delivery between{delivery.source, {}, delivery.state, delivery.destination}; // the nodes
        NodePart mates{number};
        std::set<int> reached{node_of(delivery.source)};
        int head = reached.contains(mine) ? delivery.source : -1; // of this node
        for (const int taker : delivery.takers) {
            if (reached.insert(node_of(taker)).second) {
                between.takers.push_back(taker);
                if (node_of(taker) == mine) head = taker;
            } else if (node_of(taker) == mine) {
                mates.readers.push_back(number_in_node_[to_size(taker)]);
            }
        }
        if (comm_.rank() != head) {
            exchange.read(delivery.destination, number);
            return;
        }
        const std::size_t place = *place_of(between, head);
        const int tag = first_tag + mpi_count(number);
        if (place == 0)
            exchange.serve(delivery.state, tree_place(between, place), tag, std::move(mates));
        else
            exchange.take(delivery.destination, tree_place(between, place), tag, std::move(mates));
    }

    // Whether every rank's list has the same sources and takers. Collective.
    bool all_ranks_pass(std::span<const Delivery> deliveries) const {
        std::vector<int> plan;
        for (const Delivery& delivery : deliveries) {
            plan.push_back(delivery.source);
            plan.push_back(mpi_count(delivery.takers.size()));
            plan.insert(plan.end(), delivery.takers.begin(), delivery.takers.end());
        }
        const std::uint64_t mine = hash_of(std::span<const int>(plan));
        const std::vector<std::uint64_t> all = comm_.all_gather(std::span(&mine, 1));
        return std::count(all.begin(), all.end(), mine) == comm_.size();
    }

    const Communicator& comm_;
    NodeRings rings_;
    std::vector<int> node_;           // by rank: the first rank of its node; itself where its node has no rings
    std::vector<int> number_in_node_; // by rank
    int largest_tag_ = 32767;         // what MPI guarantees
    std::optional<Exchange> under_way_;
};

} // namespace

std::unique_ptr<Transport> make_mpi_transport(const Communicator& comm, const Communicator& node) {
    return std::make_unique<MpiTransport>(comm, node);
}

} // namespace autosampling
