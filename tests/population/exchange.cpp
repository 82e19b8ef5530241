#include "autosampling/population/exchange.hpp"

#include "harness/mpi_test.hpp"

#include <algorithm>
#include <random>

namespace autosampling {
namespace {

using testing::world;

// A state that tells whose it is and from which round.
std::vector<float> values_of(std::int32_t member, int round, std::size_t length) {
    std::vector<float> state(length);
    for (std::size_t i = 0; i < length; ++i)
        state[i] = static_cast<float>(1000 * round + 10 * member) + 0.001F * (i % 7);
    return state;
}

State state_of(std::int32_t member, int round, std::size_t length) {
    return State::from_host(values_of(member, round, length), at::kCPU);
}

Outcome outcome(std::int32_t member, double reward) {
    Outcome o;
    o.member = member;
    o.finite = 1;
    o.reward = reward;
    return o;
}

// Any parents at all that a rule may give: survivors are their own parents.
Selection random_selection(std::int64_t members, std::mt19937& random) {
    Selection s;
    std::vector<std::int32_t> survivors;
    for (std::int32_t m = 0; m < members; ++m)
        if (random() % 2) survivors.push_back(m);
    if (survivors.empty()) survivors.push_back(static_cast<std::int32_t>(random() % members));
    for (std::int32_t m = 0; m < members; ++m)
        s.parent.push_back(std::find(survivors.begin(), survivors.end(), m) != survivors.end()
                               ? m
                               : survivors[random() % survivors.size()]);
    s.survivors = survivors;
    s.winner = survivors[random() % survivors.size()];
    return s;
}

TEST(Exchange, every_member_takes_its_parents_state) {
    constexpr std::size_t length = 1001;
    const auto transport = make_mpi_transport(world(), world().split_by_node());
    for (const std::int64_t members : {1, 2, 4, 5, 9}) {
        const Placement placement(members, world().size());
        StateStore store(placement, world().rank(), length, at::kCPU, true);
        std::mt19937 random(static_cast<unsigned>(members)); // the same on all ranks
        for (int round = 0; round < 20; ++round) {
            const Selection selection = random_selection(members, random);
            const bool everywhere = round % 3 == 0;
            for (const std::int32_t m : placement.members_of(world().rank()))
                store.keep(outcome(m, 0), [m, round] { return state_of(m, round, length); });
            const State winner = store.exchange(selection, everywhere, *transport);
            transport->complete();
            for (const std::int32_t m : placement.members_of(world().rank()))
                EXPECT_TRUE(store.start(m).buffer().equal(state_of(selection.parent[m], round, length).buffer())) << m;
            if (everywhere) {
                EXPECT_TRUE(winner && winner.buffer().equal(state_of(selection.winner, round, length).buffer()));
            }
        }
    }
}

TEST(Exchange, under_best_a_rank_keeps_only_its_best_member) {
    constexpr std::size_t length = 16;
    const Placement placement(6, world().size());
    StateStore store(placement, world().rank(), length, at::kCPU, false);
    const std::vector<double> reward{0.1, 0.9, 0.3, 0.8, 0.9, 0.2};
    std::vector<std::int32_t> taken;
    const auto keep = [&](std::int32_t m) {
        store.keep(outcome(m, reward[static_cast<std::size_t>(m)]), [&taken, m] {
            taken.push_back(m);
            return state_of(m, 0, length);
        });
    };
    const std::vector<std::int32_t> mine = placement.members_of(world().rank());
    for (const std::int32_t m : mine) keep(m);
    EXPECT_TRUE(taken.empty());
    store.settle();
    std::int32_t expected = -1;
    for (const std::int32_t m : mine)
        if (expected < 0 || reward[static_cast<std::size_t>(m)] > reward[static_cast<std::size_t>(expected)])
            expected = m;
    EXPECT_EQ(taken, mine.empty() ? mine : std::vector{expected});
    taken.clear();
    const auto transport = make_mpi_transport(world(), world().split_by_node());
    const Selection best{1, std::vector<std::int32_t>(6, 1), {1}};
    store.exchange(best, false, *transport);
    transport->complete();
    for (const std::int32_t m : placement.members_of(world().rank()))
        EXPECT_TRUE(store.start(m).buffer().equal(state_of(1, 0, length).buffer()));
    EXPECT_TRUE(taken.empty()); // once is enough

    for (const std::int32_t m : mine) keep(m);
    store.exchange(best, false, *transport);
    transport->complete();
    const bool parent = std::ranges::find(mine, 1) != mine.end();
    EXPECT_EQ(taken, parent ? std::vector{1} : std::vector<std::int32_t>{}); // by the parent alone
}

TEST(Exchange, no_rank_receives_more_states_than_its_members_take) {
    std::mt19937 random(7);
    for (int ranks = 1; ranks <= 5; ++ranks)
        for (std::int64_t members = 1; members <= 9; ++members) {
            const Placement placement(members, ranks);
            const Selection selection = random_selection(members, random);
            std::vector<std::size_t> received(static_cast<std::size_t>(ranks), 0);
            for (const Delivery& delivery : plan_deliveries(placement, selection, false))
                for (const int rank : delivery.takers) ++received[static_cast<std::size_t>(rank)];
            for (int rank = 0; rank < ranks; ++rank)
                EXPECT_LE(received[static_cast<std::size_t>(rank)], placement.members_of(rank).size());
        }
}

} // namespace
} // namespace autosampling
