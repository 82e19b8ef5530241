// [exploration]: how the sampling distribution is learned. [sampling]: other rules, to compare with.
#pragma once

#include "autosampling/base/names.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace autosampling {

// One member, uniform draws; a population, uniform draws; a population, learned and uniform draws; a population, draws
// by a policy with few weights.
enum class ExplorationKind { none, random, mixture, policy };
constexpr auto names_of(ExplorationKind) {
    return std::array{"none", "random", "mixture", "policy"};
}

// Whose draws are learned from: the winners' (the paper's), or all members' by their rewards.
enum class Credit { winner, advantage };
constexpr auto names_of(Credit) {
    return std::array{"winner", "advantage"};
}

// What advantage credit compares.
enum class CreditSignal { loss, accuracy };
constexpr auto names_of(CreditSignal) {
    return std::array{"loss", "accuracy"};
}

// Of learned and uniform draws; auto: epochs with winner credit, draws with advantage.
enum class Mixing { automatic, epochs, draws };
constexpr auto names_of(Mixing) {
    return std::array{"auto", "epochs", "draws"};
}

enum class Counts { all, window, decay };
constexpr auto names_of(Counts) {
    return std::array{"all", "window", "decay"};
}

// Whose epochs uniform draws don't repeat in: the member's (the paper's), the winning schedule's, or nobody's.
enum class UniformDraws { member, lineage, replacement };
constexpr auto names_of(UniformDraws) {
    return std::array{"member", "lineage", "replacement"};
}

struct ExplorationOptions {
    ExplorationKind kind = ExplorationKind::mixture;
    Credit credit = Credit::winner;
    CreditSignal credit_signal = CreditSignal::loss;
    std::int64_t first_epoch = -1;    // epochs before the first exploration; −1: 20 with winner, 0 with advantage
    std::int64_t interval_epochs = 0; // 0 with interval_cycles 0: N_u + 1 epochs with winner, 1 cycle with advantage
    std::int64_t interval_cycles = 0;
    std::int64_t uniform_epochs = -1; // N_u; −1: 3 with winner, 0 with advantage
    Mixing mixing = Mixing::automatic;
    double smoothing = 1;      // s, winner credit
    double beta = 1;           // β, advantage credit
    double perturbation = 0.1; // σ
    Counts counts = Counts::all;
    std::int64_t window_cycles = 0;    // window only
    std::int64_t half_life_cycles = 0; // decay only
    bool replacement = true;           // inside a learned cycle
    UniformDraws uniform = UniformDraws::member;

    // policy only
    std::vector<std::string> signals = {"loss", "class"}; // what the policy goes by
    std::vector<std::string> weights;                     // NAME=NUMBER: w at the start, where it isn't 0
    double sigma = 0.5;                                   // σ, of the members' perturbations; 0: w stays as it is
    double alpha = 0.4;                                   // α, step
    double tau = 1;                                       // τ, how far a weight must stand out of the noise to move
    double lambda = 0.08;                                 // λ, decay a round
    bool thinning = true;                                 // draws are thinned permutations; else independent
};

// uniform: or as explored.
enum class Rule { uniform, class_balanced, loss_rank, small_loss, infobatch };
constexpr auto names_of(Rule) {
    return std::array{"uniform", "class-balanced", "loss-rank", "small-loss", "infobatch"};
}

// Defaults of small-loss and infobatch are those of their authors' programs (bhanML/Co-teaching, NUS-HPC-AI-Lab/
// InfoBatch); loss-rank's are within the range that its paper tries.
struct SamplingOptions {
    Rule rule = Rule::uniform;
    double pressure = 100;     // s_e in epoch 1, loss-rank only
    double final_pressure = 1; // s_e in the last epoch, loss-rank only
    double forget_rate = 0.2;  // τ, small-loss only
    double forget_epochs = 10; // T_k, small-loss only
    double prune_rate = 0.5;   // r, infobatch only
    double anneal = 0.125;     // δ, infobatch only
};

} // namespace autosampling
