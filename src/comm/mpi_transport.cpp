#include "autosampling/comm/transport.hpp"

#include "autosampling/base/hash.hpp"
#include "autosampling/base/narrow.hpp"
#include "mpi_average.hpp"
#include "shares.hpp"
#include "tree.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace autosampling {
namespace {

constexpr const char* operation = "exchange";
constexpr std::size_t piece_length = std::size_t{1} << 20; // values: 4 MiB, so that a state flows through its tree
constexpr int first_tag = 1;                               // below it are the communicator's own

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

// A state that this rank holds or takes, and sends on.
struct Passage {
    std::span<const float> state;
    TreePlace tree;
    int tag;
    std::vector<bool> arrived{};   // by piece
    std::size_t pieces_passed = 0; // to the children, in order, since equal tags are told apart by their order alone

    std::span<const float> piece(std::size_t number) const { return piece_of(state, number, piece_length); }
};

// What a message that is received brings.
struct Arrival {
    std::size_t passage;
    std::size_t piece;
};

// The messages of one exchange on one rank.
class Exchange {
  public:
    explicit Exchange(MPI_Comm comm) : comm_(comm) {}

    void serve(std::span<const float> state, TreePlace tree, int tag) {
        Passage& passage = passages_.emplace_back(Passage{state, std::move(tree), tag});
        passage.arrived.assign(pieces_of(state.size(), piece_length), true);
        pass_on(passage);
    }

    void take(std::span<float> destination, TreePlace tree, int tag) {
        Passage& passage = passages_.emplace_back(Passage{destination, std::move(tree), tag});
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

    // Passes on what has arrived; whether anything has, or was sent, or all is over. Local.
    bool advance() {
        std::vector<int> places(requests_.size());
        std::vector<MPI_Status> statuses(requests_.size());
        int count = 0;
        const int code =
            MPI_Testsome(mpi_count(requests_.size()), requests_.data(), &count, places.data(), statuses.data());
        over_ = count == MPI_UNDEFINED; // all requests are null
        const auto done = std::span(statuses).first(over_ ? 0 : to_size(count));
        if (code != MPI_SUCCESS) check_statuses(code, done, operation);
        for (std::size_t i = 0; i < done.size(); ++i)
            if (const auto arrival = arrivals_[to_size(places[i])]) receive(*arrival, done[i]);
        return over_ || count != 0;
    }
    bool over() const { return over_; }

  private:
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

    void add(MPI_Request request, std::optional<Arrival> arrival) {
        requests_.push_back(request);
        arrivals_.push_back(arrival);
    }

    MPI_Comm comm_;
    std::vector<Passage> passages_;
    std::vector<MPI_Request> requests_;
    std::vector<std::optional<Arrival>> arrivals_; // by request; none: a message that was sent
    bool over_ = false;
};

class MpiTransport : public Transport {
  public:
    explicit MpiTransport(const Communicator& comm) : comm_(comm) {
        int found = 0;
        int* limit = nullptr;
        check_mpi(MPI_Comm_get_attr(comm.raw(), MPI_TAG_UB, &limit, &found), "MPI_Comm_get_attr");
        if (found != 0) largest_tag_ = *limit;
    }

    std::string name() const override { return "mpi"; }
    bool on_device() const override { return false; }

    void exchange(std::span<const Delivery> deliveries) override {
        VALIDATE(deliveries.size() <= to_size(largest_tag_ - first_tag), ExitCode::failure, deliveries.size(),
                 " states cannot be exchanged at once (this MPI has only ", largest_tag_,
                 " tags): let fewer members survive");
        EXPECT(!under_way_ && all_ranks_pass(deliveries));
        Exchange& messages = under_way_.emplace(comm_.raw());
        int tag = first_tag;
        for (const Delivery& delivery : deliveries) {
            EXPECT(std::is_sorted(delivery.takers.begin(), delivery.takers.end()));
            EXPECT(!std::binary_search(delivery.takers.begin(), delivery.takers.end(), delivery.source));
            if (const auto place = place_of(delivery, comm_.rank()); place && *place == 0)
                messages.serve(delivery.state, tree_place(delivery, 0), tag);
            else if (place)
                messages.take(delivery.destination, tree_place(delivery, *place), tag);
            ++tag;
        }
    }

    void complete() override {
        while (under_way_ && !under_way_->over()) // the time-out is for each step
            comm_.wait_until([this] { return under_way_->advance(); }, operation);
        under_way_.reset();
    }

    void average(std::span<const std::span<const float>> mine, std::span<const int> given,
                 std::span<float> result) override {
        EXPECT(!under_way_);
        EXPECT(std::ssize(given) == comm_.size() && std::ssize(mine) == given[to_size(comm_.rank())]);
        EXPECT(std::all_of(mine.begin(), mine.end(), [&](auto state) { return state.size() == result.size(); }));
        average_by_messages(comm_, mine, given, result);
    }

  private:
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
    int largest_tag_ = 32767; // what MPI guarantees
    std::optional<Exchange> under_way_;
};

} // namespace

std::unique_ptr<Transport> make_mpi_transport(const Communicator& comm) {
    return std::make_unique<MpiTransport>(comm);
}

} // namespace autosampling
