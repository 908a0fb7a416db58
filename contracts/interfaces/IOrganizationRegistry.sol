// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Standing} from "../types/Standing.sol";

/// @dev A brand (or the consortium, for everyone) lets an organization act on that brand's items.
struct Accreditation {
    bytes32 brand; // the consortium's id: for the items of every brand
    bytes32 organization;
    uint8 role; // one bit of `Role`
    uint64 scope; // mask of categories; zero withdraws
    uint48 from; // first second that counts
    uint48 until; // first second that no longer counts; zero: no end
}

/// @title Who belongs to the consortium, who signs for whom, and who may act on whose items
/// @notice Keeps the current answer (for the ledger) and its history (for "was this store accredited at that block?").
/// @dev An organization is named by `keccak256(did)`. The consortium is itself an organization; its owner admits,
/// suspends and names successors, and nothing else: no owner can record an event.
/// @dev Warning: the owner is trusted to admit honestly. It can add a signer to any organization; every such act is a log.
/// @dev Warning: a signer is trusted with its whole organization: it may add signers, retire them and mark them
/// compromised. Against a stolen key only the owner helps, by suspending the organization and retiring the key.
interface IOrganizationRegistry {
    event OrganizationAdmitted(bytes32 indexed organization, string did, uint8 roles);
    event RolesSet(bytes32 indexed organization, uint8 roles);
    event OrganizationSuspended(bytes32 indexed organization);
    event OrganizationReinstated(bytes32 indexed organization);
    event SuccessorNamed(bytes32 indexed brand, bytes32 indexed successor);
    event SignerAdded(bytes32 indexed organization, address indexed signer);
    event SignerRetired(bytes32 indexed organization, address indexed signer);
    event SignerCompromised(bytes32 indexed organization, address indexed signer, uint48 sinceBlock);
    event Accredited(
        bytes32 indexed brand, bytes32 indexed organization, uint8 role, uint64 scope, uint48 from, uint48 until
    );

    error EmptyDid();
    error ZeroSigner();
    error UnknownOrganization(bytes32 organization);
    error AlreadyAdmitted(bytes32 organization);
    error InvalidRole(uint8 roles);
    error InvalidWindow(uint48 from, uint48 until);
    /// @dev The standing, signer or successor is already as asked: a second log would tell a change that was none.
    error NothingChanges(bytes32 organization);
    error NotASigner(bytes32 organization, address signer);
    error SignerWasCompromised(bytes32 organization, address signer);
    error NotEntitled(bytes32 organization, address caller);
    error OrganizationIsSuspended(bytes32 organization);
    error DeadlinePassed(uint48 deadline);
    error InvalidSignature(bytes32 brand, address signer);
    error BlockNotReached(uint256 blockNumber);

    // Organizations: the owner alone

    /// @notice Admit an organization under its DID, with a first signer.
    /// @dev Reverts with `EmptyDid`, `InvalidRole`, `AlreadyAdmitted`, `ZeroSigner`. There is no way back: an
    /// organization that must not act is suspended, because its past acts stay its own.
    /// @dev Warning: nobody checks on chain that the organization controls the DID.
    /// @return organization `keccak256(bytes(did))`
    function admit(string calldata did, uint8 roles, address signer) external returns (bytes32 organization);

    /// @notice Replace an organization's roles.
    function setRoles(bytes32 organization, uint8 roles) external;

    /// @notice Let an organization record nothing until it is reinstated.
    /// @dev Warning: its accreditations of others stay in force; withdraw them if it cannot be trusted.
    function suspend(bytes32 organization) external;

    function reinstate(bytes32 organization) external;

    /// @notice Name who speaks for a brand that is gone; zero takes the name back.
    /// @dev The brand need not be a member. Not transitive: when the successor is gone too, name the next one for
    /// both brands.
    function nameSuccessor(bytes32 brand, bytes32 successor) external;

    // Signers: the owner, or an active signer of an organization that is not suspended

    /// @dev Reverts with `SignerWasCompromised` for a key once marked so.
    function addSigner(bytes32 organization, address signer) external;

    /// @notice From this block on the key signs nothing for the organization; what it signed stays.
    /// @dev Warning: a signed batch that has not landed is refused from then on.
    function retireSigner(bytes32 organization, address signer) external;

    /// @notice Retire a key and void, in the effective view, what it recorded in blocks from `sinceBlock` on.
    /// @dev May be said again with another block; the last word counts. Reverts with `BlockNotReached`.
    /// @dev Warning: words on the ledger do not change; that takes a ruling or a correction.
    function markCompromised(bytes32 organization, address signer, uint48 sinceBlock) external;

    // Accreditations: an active signer of the brand or of its successor; for the consortium also the owner

    /// @notice Replace the accreditation of (brand, organization, role).
    function accredit(Accreditation calldata accreditation) external;

    /// @notice The same, under the brand's EIP-712 signature; anybody may carry it.
    /// @dev Signed is `Accredit(bytes32 brand,bytes32 organization,uint8 role,uint64 scope,uint48 from,uint48 until,
    /// uint256 nonce,uint48 deadline)` with `nonce = nonces(brand)`. The signer may be a contract wallet (ERC-1271).
    function accreditBySignature(
        Accreditation calldata accreditation,
        address signer,
        uint48 deadline,
        bytes calldata signature
    ) external;

    // Now

    /// @notice The consortium's id.
    function CONSORTIUM() external view returns (bytes32);

    function DOMAIN_SEPARATOR() external view returns (bytes32);

    function nonces(bytes32 brand) external view returns (uint256);

    function standing(bytes32 organization) external view returns (bool admitted, bool suspended, uint8 roles);

    /// @dev Active now. Says nothing of the organization's standing.
    function isSigner(bytes32 organization, address signer) external view returns (bool);

    /// @notice `standing`, `isSigner` and `isAccredited` in one word: what a batch is asked.
    /// @param signer zero: not asked
    /// @param roleAndCategory role in the high byte, category in the low; role zero: not asked
    function standingOf(bytes32 organization, address signer, uint16 roleAndCategory, bytes32 brand)
        external
        view
        returns (Standing);

    /// @notice Whether an organization is the brand, its named successor, or the consortium where the brand is no
    /// member and has no successor.
    function speaksFor(bytes32 organization, bytes32 brand) external view returns (bool);

    /// @notice Whether the brand or the consortium accredits an organization, which has the role, for a category at
    /// this block's time.
    /// @dev Warning: does not look at suspension; a batch of a suspended organization is refused as a whole.
    function isAccredited(bytes32 brand, bytes32 organization, uint8 role, uint8 category) external view returns (bool);

    /// @notice Whether a brand is a member, and whether a key may endorse in its name: an active signer of it, or of
    /// its successor, while not suspended.
    function endorsers(bytes32 brand, address signer) external view returns (bool member, bool entitled);

    function successorOf(bytes32 brand) external view returns (bytes32);

    // At a block: the state after that block. Revert with `BlockNotReached` for one that is not mined yet.
    // Warning: of the block that is being made the answer may still change.

    function standingAt(bytes32 organization, uint256 blockNumber)
        external
        view
        returns (bool admitted, bool suspended, uint8 roles);

    function isSignerAt(bytes32 organization, address signer, uint256 blockNumber) external view returns (bool);

    function accreditationAt(bytes32 brand, bytes32 organization, uint8 role, uint256 blockNumber)
        external
        view
        returns (uint64 scope, uint48 from, uint48 until);

    /// @notice What `isAccredited` answered after that block, for that block's `timestamp`.
    /// @dev Warning: the timestamp is the caller's claim; read it from the block.
    function wasAccredited(
        bytes32 brand,
        bytes32 organization,
        uint8 role,
        uint8 category,
        uint256 blockNumber,
        uint48 timestamp
    ) external view returns (bool);

    /// @return sinceBlock zero: not marked
    function compromisedSince(bytes32 organization, address signer) external view returns (uint48 sinceBlock);
}
