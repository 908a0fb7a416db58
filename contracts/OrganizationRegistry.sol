// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

import {Accreditation, IOrganizationRegistry} from "./interfaces/IOrganizationRegistry.sol";
import {Grant, packGrant} from "./types/Grant.sol";
import {Role} from "./types/Numbers.sol";
import {Signer} from "./types/Signer.sol";
import {Standing, packStanding} from "./types/Standing.sol";

/// @title Members, signers and accreditations, now and at any block
/// @dev Each answer is kept twice: as a plain word, so that the ledger pays one read for it, and as a trace by block.
contract OrganizationRegistry is IOrganizationRegistry, Ownable2Step, EIP712 {
    using Checkpoints for Checkpoints.Trace160;

    /// @dev One slot, so that a batch by an organization's first signer costs the ledger one read.
    struct Member {
        address firstSigner; // active; zero: look among the signers
        Standing standing;
    }

    bytes32 private constant ACCREDIT_TYPEHASH = keccak256(
        "Accredit(bytes32 brand,bytes32 organization,uint8 role,uint64 scope,uint48 from,uint48 until,uint256 nonce,uint48 deadline)"
    );

    bytes32 public immutable CONSORTIUM;

    mapping(bytes32 organization => Member member) private _members;
    mapping(bytes32 organization => Checkpoints.Trace160 trace) private _standingTraces;
    mapping(bytes32 organization => mapping(address signer => Signer state)) private _signers;
    mapping(bytes32 organization => mapping(address signer => Checkpoints.Trace160 trace)) private _signerTraces;
    mapping(bytes32 brand => mapping(bytes32 organization => mapping(uint8 role => Grant grant))) private _grants;
    mapping(bytes32 brand => mapping(bytes32 organization => mapping(uint8 role => Checkpoints.Trace160 trace))) private
        _grantTraces;
    mapping(bytes32 brand => bytes32 successor) public successorOf;
    mapping(bytes32 brand => uint256 nonce) public nonces;

    constructor(address consortiumOwner, string memory consortiumDid, address consortiumSigner)
        Ownable(consortiumOwner)
        EIP712("OrganizationRegistry", "1")
    {
        CONSORTIUM = _admit(consortiumDid, 0, consortiumSigner);
    }

    /// @dev The owner, or an active signer of an organization in good standing.
    modifier onlySpeaker(bytes32 organization) {
        if (msg.sender != owner()) _requireSpeaker(organization, msg.sender);
        _;
    }

    // Organizations

    /// @inheritdoc IOrganizationRegistry
    function admit(string calldata did, uint8 roles, address signer) external onlyOwner returns (bytes32 organization) {
        return _admit(did, roles, signer);
    }

    /// @inheritdoc IOrganizationRegistry
    function setRoles(bytes32 organization, uint8 roles) external onlyOwner {
        Standing current = _requireAdmitted(organization);
        if (roles > Role.ALL) revert InvalidRole(roles);
        if (current.roles() == roles) revert NothingChanges(organization);

        _storeStanding(organization, packStanding(roles, current.isSuspended()));

        emit RolesSet(organization, roles);
    }

    /// @inheritdoc IOrganizationRegistry
    function suspend(bytes32 organization) external onlyOwner {
        Standing current = _requireAdmitted(organization);
        if (current.isSuspended()) revert NothingChanges(organization);

        _storeStanding(organization, packStanding(current.roles(), true));

        emit OrganizationSuspended(organization);
    }

    /// @inheritdoc IOrganizationRegistry
    function reinstate(bytes32 organization) external onlyOwner {
        Standing current = _requireAdmitted(organization);
        if (!current.isSuspended()) revert NothingChanges(organization);

        _storeStanding(organization, packStanding(current.roles(), false));

        emit OrganizationReinstated(organization);
    }

    /// @inheritdoc IOrganizationRegistry
    function nameSuccessor(bytes32 brand, bytes32 successor) external onlyOwner {
        if (successor != 0) _requireAdmitted(successor);
        if (successorOf[brand] == successor || successor == brand) revert NothingChanges(brand);

        successorOf[brand] = successor;

        emit SuccessorNamed(brand, successor);
    }

    // Signers

    /// @inheritdoc IOrganizationRegistry
    function addSigner(bytes32 organization, address signer) external onlySpeaker(organization) {
        _requireAdmitted(organization);
        _addSigner(organization, signer);
    }

    /// @inheritdoc IOrganizationRegistry
    function retireSigner(bytes32 organization, address signer) external onlySpeaker(organization) {
        Signer current = _signers[organization][signer];
        if (!current.isActive()) revert NotASigner(organization, signer);

        _storeSigner(organization, signer, current.retired());

        emit SignerRetired(organization, signer);
    }

    /// @inheritdoc IOrganizationRegistry
    function markCompromised(bytes32 organization, address signer, uint48 sinceBlock)
        external
        onlySpeaker(organization)
    {
        Signer current = _signers[organization][signer];
        bool wasSigner = _signerTraces[organization][signer].length() != 0;
        if (!wasSigner || sinceBlock == 0) revert NotASigner(organization, signer);
        if (sinceBlock > block.number) revert BlockNotReached(sinceBlock);

        _storeSigner(organization, signer, current.compromised(sinceBlock));

        if (current.isActive()) emit SignerRetired(organization, signer);
        emit SignerCompromised(organization, signer, sinceBlock);
    }

    // Accreditations

    /// @inheritdoc IOrganizationRegistry
    function accredit(Accreditation calldata accreditation) external {
        bool asOwner = accreditation.brand == CONSORTIUM && msg.sender == owner();
        if (!asOwner && !_isEntitled(accreditation.brand, msg.sender)) {
            revert NotEntitled(accreditation.brand, msg.sender);
        }

        _accredit(accreditation);
    }

    /// @inheritdoc IOrganizationRegistry
    function accreditBySignature(
        Accreditation calldata accreditation,
        address signer,
        uint48 deadline,
        bytes calldata signature
    ) external {
        // A deadline of days does not care about the seconds a block's maker may shift.
        if (block.timestamp > deadline) revert DeadlinePassed(deadline);
        if (!_isEntitled(accreditation.brand, signer)) revert NotEntitled(accreditation.brand, signer);
        uint256 nonce = nonces[accreditation.brand]++;
        bytes32 digest =
            _hashTypedDataV4(keccak256(abi.encode(ACCREDIT_TYPEHASH, accreditation, nonce, uint256(deadline))));
        if (!SignatureChecker.isValidSignatureNowCalldata(signer, digest, signature)) {
            revert InvalidSignature(accreditation.brand, signer);
        }

        _accredit(accreditation);
    }

    // Now

    /// @inheritdoc IOrganizationRegistry
    function DOMAIN_SEPARATOR() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /// @inheritdoc IOrganizationRegistry
    function standing(bytes32 organization) external view returns (bool admitted, bool suspended, uint8 roles) {
        Standing current = _members[organization].standing;
        return (current.isAdmitted(), current.isSuspended(), current.roles());
    }

    /// @inheritdoc IOrganizationRegistry
    function isSigner(bytes32 organization, address signer) external view returns (bool) {
        return _signers[organization][signer].isActive();
    }

    /// @inheritdoc IOrganizationRegistry
    function standingOf(bytes32 organization, address signer, uint16 roleAndCategory, bytes32 brand)
        external
        view
        returns (Standing standing_)
    {
        Member storage member = _members[organization];
        standing_ = member.standing;
        if (signer != address(0)) {
            bool active = member.firstSigner == signer || _signers[organization][signer].isActive();
            if (active) standing_ = standing_.withSigner();
        }
        // The casts cut the fields out.
        uint8 role = uint8(roleAndCategory >> 8);
        if (standing_.roles() & role != 0 && _isCovered(brand, organization, role, uint8(roleAndCategory))) {
            standing_ = standing_.withAccreditation();
        }
    }

    /// @inheritdoc IOrganizationRegistry
    function speaksFor(bytes32 organization, bytes32 brand) external view returns (bool) {
        if (organization == brand) return true;
        bytes32 successor = successorOf[brand];
        if (successor != 0) return organization == successor;
        return organization == CONSORTIUM && !_members[brand].standing.isAdmitted();
    }

    /// @inheritdoc IOrganizationRegistry
    function isAccredited(bytes32 brand, bytes32 organization, uint8 role, uint8 category)
        external
        view
        returns (bool)
    {
        return _members[organization].standing.roles() & role != 0 && _isCovered(brand, organization, role, category);
    }

    /// @inheritdoc IOrganizationRegistry
    function endorsers(bytes32 brand, address signer) external view returns (bool member, bool entitled) {
        return (_members[brand].standing.isAdmitted(), _isEntitled(brand, signer));
    }

    // At a block

    /// @inheritdoc IOrganizationRegistry
    function standingAt(bytes32 organization, uint256 blockNumber)
        external
        view
        returns (bool admitted, bool suspended, uint8 roles)
    {
        Standing then = _standingAt(organization, blockNumber);
        return (then.isAdmitted(), then.isSuspended(), then.roles());
    }

    /// @inheritdoc IOrganizationRegistry
    function isSignerAt(bytes32 organization, address signer, uint256 blockNumber) external view returns (bool) {
        return Signer.wrap(_at(_signerTraces[organization][signer], blockNumber)).isActive();
    }

    /// @inheritdoc IOrganizationRegistry
    function accreditationAt(bytes32 brand, bytes32 organization, uint8 role, uint256 blockNumber)
        external
        view
        returns (uint64 scope, uint48 from, uint48 until)
    {
        Grant then = Grant.wrap(_at(_grantTraces[brand][organization][role], blockNumber));
        return (then.scope(), then.from(), then.until());
    }

    /// @inheritdoc IOrganizationRegistry
    function wasAccredited(
        bytes32 brand,
        bytes32 organization,
        uint8 role,
        uint8 category,
        uint256 blockNumber,
        uint48 timestamp
    ) external view returns (bool) {
        if (_standingAt(organization, blockNumber).roles() & role == 0) return false;
        uint160 byBrand = _at(_grantTraces[brand][organization][role], blockNumber);
        uint160 byConsortium = _at(_grantTraces[CONSORTIUM][organization][role], blockNumber);
        return Grant.wrap(byBrand).covers(category, timestamp) || Grant.wrap(byConsortium).covers(category, timestamp);
    }

    /// @inheritdoc IOrganizationRegistry
    function compromisedSince(bytes32 organization, address signer) external view returns (uint48 sinceBlock) {
        return _signers[organization][signer].compromisedSince();
    }

    // Refusals

    function _requireAdmitted(bytes32 organization) private view returns (Standing current) {
        current = _members[organization].standing;
        if (!current.isAdmitted()) revert UnknownOrganization(organization);
    }

    function _requireSpeaker(bytes32 organization, address caller) private view {
        if (!_signers[organization][caller].isActive()) revert NotEntitled(organization, caller);
        if (_members[organization].standing.isSuspended()) revert OrganizationIsSuspended(organization);
    }

    /// @dev Whether a key signs for the brand or its successor, whichever of them is not suspended.
    function _isEntitled(bytes32 brand, address signer) private view returns (bool) {
        if (_signers[brand][signer].isActive() && !_members[brand].standing.isSuspended()) return true;
        bytes32 successor = successorOf[brand];
        return successor != 0 && _signers[successor][signer].isActive() && !_members[successor].standing.isSuspended();
    }

    // Writes

    function _admit(string memory did, uint8 roles, address signer) private returns (bytes32 organization) {
        if (bytes(did).length == 0) revert EmptyDid();
        if (roles > Role.ALL) revert InvalidRole(roles);
        organization = keccak256(bytes(did));
        if (_members[organization].standing.isAdmitted()) revert AlreadyAdmitted(organization);

        _storeStanding(organization, packStanding(roles, false));

        emit OrganizationAdmitted(organization, did, roles);
        _addSigner(organization, signer);
    }

    function _addSigner(bytes32 organization, address signer) private {
        if (signer == address(0)) revert ZeroSigner();
        Signer current = _signers[organization][signer];
        if (current.isActive()) revert NothingChanges(organization);
        if (current.compromisedSince() != 0) revert SignerWasCompromised(organization, signer);

        _storeSigner(organization, signer, current.activated());

        emit SignerAdded(organization, signer);
    }

    function _accredit(Accreditation calldata accreditation) private {
        _requireAdmitted(accreditation.organization);
        uint8 role = accreditation.role;
        // One bit and a known one.
        if (role == 0 || role > Role.ALL || role & (role - 1) != 0) revert InvalidRole(role);
        if (accreditation.until != 0 && accreditation.until <= accreditation.from) {
            revert InvalidWindow(accreditation.from, accreditation.until);
        }

        bytes32 brand = accreditation.brand;
        bytes32 organization = accreditation.organization;
        Grant grant = packGrant(accreditation.scope, accreditation.from, accreditation.until);
        _grants[brand][organization][role] = grant;
        _push(_grantTraces[brand][organization][role], Grant.unwrap(grant));

        emit Accredited({
            brand: accreditation.brand,
            organization: accreditation.organization,
            role: role,
            scope: accreditation.scope,
            from: accreditation.from,
            until: accreditation.until
        });
    }

    function _storeStanding(bytes32 organization, Standing standing_) private {
        _members[organization].standing = standing_;
        _push(_standingTraces[organization], Standing.unwrap(standing_));
    }

    function _storeSigner(bytes32 organization, address signer, Signer signer_) private {
        Member storage member = _members[organization];
        if (member.firstSigner == signer) member.firstSigner = address(0);
        if (signer_.isActive() && member.firstSigner == address(0)) member.firstSigner = signer;
        _signers[organization][signer] = signer_;
        _push(_signerTraces[organization][signer], Signer.unwrap(signer_));
    }

    function _push(Checkpoints.Trace160 storage trace, uint160 value) private {
        // A block number outgrows 96 bits never.
        trace.push(uint96(block.number), value);
    }

    // Reads

    function _at(Checkpoints.Trace160 storage trace, uint256 blockNumber) private view returns (uint160) {
        if (blockNumber > block.number) revert BlockNotReached(blockNumber);
        // Not later than this block, so it fits.
        return trace.upperLookupRecent(uint96(blockNumber));
    }

    function _isCovered(bytes32 brand, bytes32 organization, uint8 role, uint8 category) private view returns (bool) {
        return _grants[brand][organization][role].covers(category, block.timestamp)
            || _grants[CONSORTIUM][organization][role].covers(category, block.timestamp);
    }

    function _standingAt(bytes32 organization, uint256 blockNumber) private view returns (Standing) {
        // A checkpoint holds what a standing of 96 bits was widened to.
        return Standing.wrap(uint96(_at(_standingTraces[organization], blockNumber)));
    }
}
